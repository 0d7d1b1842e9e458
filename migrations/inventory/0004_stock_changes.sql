-- One row per restock or correction of ordinary stock, written in one transaction with its row of t_inventory. The first
-- row of a product's sku is what it was created with, so that the sum of its rows is what was seeded, over the sku and the
-- flash sales that took units from it.

CREATE TABLE t_stock_change (
    id              BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    product_id      BIGINT UNSIGNED NOT NULL,
    sku_id          BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'never a flash sale''s',
    request_key     BINARY(16)      NULL COMMENT 'of the request''s idempotency key; NULL: opening stock',
    request_hash    BINARY(16)      NULL COMMENT 'of the request''s payload, to tell a repeat from a reuse',
    units           BIGINT          NOT NULL COMMENT 'added, or taken where negative',
    reason          VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    available_stock INT UNSIGNED    NOT NULL COMMENT 'after the change',
    total_stock     INT UNSIGNED    NOT NULL COMMENT 'after the change',
    created_at      BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_product_request (product_id, request_key),
    KEY idx_product_id (product_id, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- What was there before: 2^62 is the bit of a flash sale's sku, whose lowest 32 bits are the sku its units came from.
INSERT INTO t_stock_change (product_id, sku_id, units, reason, available_stock, total_stock, created_at)
SELECT i.product_id, i.sku_id,
       i.seeded_stock + COALESCE((SELECT SUM(s.seeded_stock) FROM t_inventory s WHERE s.product_id = i.product_id
           AND s.sku_id >= 4611686018427387904 AND (s.sku_id & 4294967295) = i.sku_id), 0),
       'opening stock', i.available_stock, i.total_stock,
       TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000
FROM t_inventory i
WHERE i.sku_id < 4611686018427387904
ORDER BY i.product_id, i.sku_id;
