-- Flash sales and the messages that could not become orders.
-- A sale's units are a row of t_inventory with a sku of its own (bit 62, the activity's id, the sku they were taken from).

CREATE TABLE seckill_activity (
    id             BIGINT UNSIGNED  NOT NULL AUTO_INCREMENT,
    product_id     BIGINT UNSIGNED  NOT NULL,
    sku_id         BIGINT UNSIGNED  NOT NULL DEFAULT 0 COMMENT 'the ordinary sku its units come from and go back to',
    name           VARCHAR(200)     NOT NULL,
    price          BIGINT           NOT NULL COMMENT 'cents',
    stock          INT UNSIGNED     NOT NULL COMMENT 'units set aside when preheated',
    starts_at      BIGINT UNSIGNED  NOT NULL,
    ends_at        BIGINT UNSIGNED  NOT NULL,
    per_user_limit INT UNSIGNED     NOT NULL DEFAULT 1,
    status         TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 planned 1 open 2 ended',
    created_at     BIGINT UNSIGNED  NOT NULL,
    updated_at     BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (id),
    KEY idx_product_id (product_id),
    KEY idx_status_ends (status, ends_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE order_failures (
    id            BIGINT UNSIGNED  NOT NULL AUTO_INCREMENT,
    source        VARCHAR(20)      NOT NULL COMMENT 'intake, kafka or rabbitmq',
    message_id    VARCHAR(191)     NOT NULL COMMENT 'where the message stood: one failure per message',
    order_id      BIGINT UNSIGNED  NULL,
    user_id       BIGINT UNSIGNED  NULL,
    product_id    BIGINT UNSIGNED  NULL,
    seckill_id    VARCHAR(64)      NULL,
    message_data  MEDIUMBLOB       NOT NULL COMMENT 'the message as it came',
    error_message VARCHAR(500)     NOT NULL,
    retry_count   INT UNSIGNED     NOT NULL DEFAULT 0,
    status        TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 pending 1 processing 2 success 3 failed',
    next_retry_at BIGINT UNSIGNED  NOT NULL,
    created_at    BIGINT UNSIGNED  NOT NULL,
    updated_at    BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_source_message (source, message_id),
    KEY idx_status_next_retry (status, next_retry_at),
    KEY idx_order_id (order_id),
    KEY idx_status_created (status, created_at),
    KEY idx_created_at (created_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE VIEW v_seckill_activity AS
SELECT CONCAT(product_id, '-', id) AS seckill_id, product_id, sku_id, name,
       CAST(price / 100 AS DECIMAL(10, 2)) AS price, stock, per_user_limit,
       CASE status WHEN 0 THEN 'planned' WHEN 1 THEN 'open' ELSE 'ended' END AS status,
       FROM_UNIXTIME(starts_at / 1000) AS starts_at,
       FROM_UNIXTIME(ends_at / 1000)   AS ends_at
FROM seckill_activity;
