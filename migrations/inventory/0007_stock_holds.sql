-- Units that other systems hold and sell through inventory.v1. Whoever changes rows of these tables has locked the row
-- of t_inventory first.

-- One row per hold: units taken from available to locked before their order exists.
-- quantity = open_units + confirmed_units + returned_units + expired_units.
CREATE TABLE t_stock_hold (
    id              BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    product_id      BIGINT UNSIGNED NOT NULL,
    sku_id          BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'never a flash sale''s',
    request_key     BINARY(16)      NOT NULL COMMENT 'of the request''s idempotency key; random where it has none',
    request_hash    BINARY(16)      NOT NULL COMMENT 'of the request''s payload, to tell a repeat from a reuse',
    quantity        INT UNSIGNED    NOT NULL,
    open_units      INT UNSIGNED    NOT NULL COMMENT 'locked in t_inventory',
    confirmed_units INT UNSIGNED    NOT NULL DEFAULT 0 COMMENT 'sold by lines of t_external_line',
    returned_units  INT UNSIGNED    NOT NULL DEFAULT 0 COMMENT 'rolled back by lines of t_external_line',
    expired_units   INT UNSIGNED    NOT NULL DEFAULT 0 COMMENT 'given back as nobody had asked for them in time',
    expires_at      BIGINT UNSIGNED NULL COMMENT 'NULL: no unit is open',
    created_at      BIGINT UNSIGNED NOT NULL,
    updated_at      BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_product_request (product_id, request_key),
    KEY idx_product_open (product_id, sku_id, open_units),
    KEY idx_expires (expires_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- One row per line of another system's order that was confirmed or rolled back: the guard against moving it twice.
CREATE TABLE t_external_line (
    order_id   BIGINT UNSIGNED  NOT NULL COMMENT 'the other system''s',
    product_id BIGINT UNSIGNED  NOT NULL,
    sku_id     BIGINT UNSIGNED  NOT NULL DEFAULT 0,
    quantity   INT UNSIGNED     NOT NULL,
    state      TINYINT UNSIGNED NOT NULL COMMENT '1 confirmed 2 rolled back 3 returned after it was confirmed',
    message_id VARBINARY(255)   NULL COMMENT 'of the confirmation; NULL: there was none',
    created_at BIGINT UNSIGNED  NOT NULL,
    updated_at BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (order_id, product_id, sku_id),
    UNIQUE KEY uk_message (message_id),
    KEY idx_product (product_id, sku_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
