-- One order shard: orders, their items, and the outbox that is written in the same transaction.
-- Money is BIGINT cents, time BIGINT milliseconds UTC; the views show both to people and BI tools.

CREATE TABLE t_order (
    id               BIGINT UNSIGNED  NOT NULL COMMENT 'snowflake: 41 bits ms since 2024, 10 bits gene, 12 bits sequence',
    user_id          BIGINT UNSIGNED  NOT NULL,
    user_ref         VARCHAR(64)      NULL COMMENT 'the caller''s own spelling of the user, where it was not the number',
    order_no         VARCHAR(32)      NOT NULL,
    total_amount     BIGINT           NOT NULL COMMENT 'cents',
    discount_amount  BIGINT           NOT NULL DEFAULT 0 COMMENT 'cents',
    actual_amount    BIGINT           NOT NULL COMMENT 'cents',
    status           TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 pending 1 paid 2 shipped 3 completed 4 cancelled 5 failed',
    version          INT UNSIGNED     NOT NULL DEFAULT 1,
    payment_method   VARCHAR(20)      NULL,
    shipping_address VARCHAR(1500)    NULL,
    remark           VARCHAR(200)     NULL,
    payment_id       VARCHAR(64)      NULL,
    cancel_reason    VARCHAR(200)     NULL,
    idempotency_key  BINARY(16)       NULL COMMENT 'of the request''s key; the guard that outlives Redis',
    request_hash     BINARY(16)       NULL COMMENT 'of the request''s payload, to tell a repeat from a reuse',
    paid_at          BIGINT UNSIGNED  NULL,
    shipped_at       BIGINT UNSIGNED  NULL,
    completed_at     BIGINT UNSIGNED  NULL,
    cancelled_at     BIGINT UNSIGNED  NULL,
    created_at       BIGINT UNSIGNED  NOT NULL,
    updated_at       BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_order_no (order_no),
    UNIQUE KEY uk_user_idempotency (user_id, idempotency_key),
    KEY idx_user_created (user_id, created_at),
    KEY idx_status_created (status, created_at),
    KEY idx_created_at (created_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE t_order_item (
    id            BIGINT UNSIGNED  NOT NULL AUTO_INCREMENT,
    order_id      BIGINT UNSIGNED  NOT NULL,
    product_id    BIGINT UNSIGNED  NOT NULL,
    sku_id        BIGINT UNSIGNED  NOT NULL DEFAULT 0,
    product_name  VARCHAR(200)     NOT NULL,
    product_image VARCHAR(500)     NULL,
    price         BIGINT           NOT NULL COMMENT 'cents',
    quantity      INT UNSIGNED     NOT NULL,
    subtotal      BIGINT           NOT NULL COMMENT 'cents',
    stock_mode    TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 redis 1 db',
    created_at    BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (id),
    KEY idx_order_id (order_id),
    KEY idx_product_id (product_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE t_local_message (
    id            BIGINT UNSIGNED  NOT NULL AUTO_INCREMENT,
    message_id    VARCHAR(64)      NOT NULL COMMENT 'UUID made of order id and version',
    tx_id         VARCHAR(64)      NOT NULL COMMENT 'order id',
    topic         VARCHAR(50)      NOT NULL,
    event_type    VARCHAR(50)      NOT NULL,
    payload       JSON             NOT NULL,
    status        TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0 waiting 1 sent 2 confirmed 3 failed',
    retry_count   INT UNSIGNED     NOT NULL DEFAULT 0,
    max_retry     INT UNSIGNED     NOT NULL DEFAULT 5,
    next_retry_at BIGINT UNSIGNED  NOT NULL COMMENT 'due time; the time of writing for the first send',
    lease_owner   VARCHAR(64)      NULL,
    lease_until   BIGINT UNSIGNED  NOT NULL DEFAULT 0,
    error_msg     VARCHAR(500)     NULL,
    created_at    BIGINT UNSIGNED  NOT NULL,
    updated_at    BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_message_id (message_id),
    KEY idx_status_next_retry (status, next_retry_at),
    KEY idx_tx_id (tx_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE VIEW v_order AS
SELECT id, order_no, user_id, user_ref,
       CAST(total_amount / 100 AS DECIMAL(10, 2))    AS total_amount,
       CAST(discount_amount / 100 AS DECIMAL(10, 2)) AS discount_amount,
       CAST(actual_amount / 100 AS DECIMAL(10, 2))   AS actual_amount,
       CASE status WHEN 0 THEN 'pending' WHEN 1 THEN 'paid' WHEN 2 THEN 'shipped'
                   WHEN 3 THEN 'completed' WHEN 4 THEN 'cancelled' ELSE 'failed' END AS status,
       version, payment_method, remark, payment_id, cancel_reason,
       FROM_UNIXTIME(paid_at / 1000)      AS paid_at,
       FROM_UNIXTIME(shipped_at / 1000)   AS shipped_at,
       FROM_UNIXTIME(completed_at / 1000) AS completed_at,
       FROM_UNIXTIME(cancelled_at / 1000) AS cancelled_at,
       FROM_UNIXTIME(created_at / 1000)   AS created_at,
       FROM_UNIXTIME(updated_at / 1000)   AS updated_at
FROM t_order;

CREATE VIEW v_order_item AS
SELECT id, order_id, product_id, sku_id, product_name, product_image,
       CAST(price / 100 AS DECIMAL(10, 2))    AS price,
       quantity,
       CAST(subtotal / 100 AS DECIMAL(10, 2)) AS subtotal,
       CASE stock_mode WHEN 1 THEN 'db' ELSE 'redis' END AS stock_mode,
       FROM_UNIXTIME(created_at / 1000)       AS created_at
FROM t_order_item;
