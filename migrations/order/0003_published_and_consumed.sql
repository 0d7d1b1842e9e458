-- That a message was published and that it was consumed are two facts, and a message that the bus refuses is another thing
-- than a bus that is away.
ALTER TABLE t_local_message
    MODIFY next_retry_at BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'due time of the next send by this database''s clock; 0: at once',
    MODIFY retry_count INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'sends that failed, for whatever reason',
    MODIFY status TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 waiting 1 sent 2 sent and consumed 3 refused by the bus for good',
    ADD COLUMN refused_count INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'sends that the bus refused' AFTER retry_count,
    ADD COLUMN confirmed_at BIGINT UNSIGNED NULL COMMENT 'when the stock consumer had taken it in; it may be so before the row counts as sent' AFTER error_msg;
