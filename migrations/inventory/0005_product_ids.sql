-- Counters of ids that are assigned. A product's id continues below 2^40, whatever larger ids callers have chosen: an id
-- that is taken is passed over.

CREATE TABLE t_sequence (
    name  VARCHAR(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    value BIGINT UNSIGNED NOT NULL COMMENT 'the last one that was given',
    PRIMARY KEY (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

INSERT INTO t_sequence (name, value)
SELECT 'product', COALESCE(MAX(id), 0) FROM products WHERE id < 1099511627776;
