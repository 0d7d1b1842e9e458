-- The inventory database: the catalogue, the stock that is the last word, and what was done to it.
-- For each row of t_inventory: seeded_stock = available_stock + locked_stock + sold_stock,
-- and total_stock = available_stock + locked_stock.

CREATE TABLE products (
    id         BIGINT UNSIGNED  NOT NULL,
    name       VARCHAR(200)     NOT NULL,
    image      VARCHAR(500)     NULL,
    price      BIGINT           NOT NULL COMMENT 'cents',
    status     TINYINT UNSIGNED NOT NULL DEFAULT 1 COMMENT '0 off sale 1 on sale',
    stock_mode TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 redis 1 db',
    created_at BIGINT UNSIGNED  NOT NULL,
    updated_at BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (id),
    KEY idx_status_id (status, id),
    KEY idx_name (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE t_inventory (
    id              BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    product_id      BIGINT UNSIGNED NOT NULL,
    sku_id          BIGINT UNSIGNED NOT NULL DEFAULT 0,
    available_stock INT UNSIGNED    NOT NULL DEFAULT 0,
    locked_stock    INT UNSIGNED    NOT NULL DEFAULT 0,
    sold_stock      INT UNSIGNED    NOT NULL DEFAULT 0,
    total_stock     INT UNSIGNED    NOT NULL DEFAULT 0,
    seeded_stock    INT UNSIGNED    NOT NULL DEFAULT 0,
    version         INT UNSIGNED    NOT NULL DEFAULT 0 COMMENT 'one more with each change; Redis keeps the highest it saw',
    created_at      BIGINT UNSIGNED NOT NULL,
    updated_at      BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_product_sku (product_id, sku_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- One row per order line whose units were moved: the guard against moving them twice.
CREATE TABLE t_stock_log (
    order_id   BIGINT UNSIGNED  NOT NULL,
    product_id BIGINT UNSIGNED  NOT NULL,
    sku_id     BIGINT UNSIGNED  NOT NULL DEFAULT 0,
    quantity   INT UNSIGNED     NOT NULL,
    stock_mode TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 redis 1 db',
    state      TINYINT UNSIGNED NOT NULL COMMENT '1 reserved 2 confirmed 3 rolled back 4 returned 5 refused',
    created_at BIGINT UNSIGNED  NOT NULL,
    updated_at BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (order_id, product_id, sku_id),
    KEY idx_mode_state_created (stock_mode, state, created_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE t_message_consume_log (
    id             BIGINT UNSIGNED  NOT NULL AUTO_INCREMENT,
    message_id     VARCHAR(64)      NOT NULL,
    consumer_group VARCHAR(50)      NOT NULL,
    status         TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 processing 1 ok 2 failed',
    retry_count    INT UNSIGNED     NOT NULL DEFAULT 0,
    error_msg      VARCHAR(500)     NULL,
    consumed_at    BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_message_consumer (message_id, consumer_group)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE VIEW v_product AS
SELECT p.id, p.name, p.image, CAST(p.price / 100 AS DECIMAL(10, 2)) AS price,
       CASE p.status WHEN 1 THEN 'on_sale' ELSE 'off_sale' END  AS status,
       CASE p.stock_mode WHEN 1 THEN 'db' ELSE 'redis' END      AS stock_mode,
       FROM_UNIXTIME(p.created_at / 1000) AS created_at
FROM products p;
