-- A version is one more with each change of a row: at a thousand changes a second 32 bits last for fifty days.

ALTER TABLE t_inventory
    MODIFY version BIGINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'one more with each change; Redis follows it, and the sweep sees to it where it went back';
