-- One purchase per flash sale, user and product, whichever way the message came.

CREATE TABLE idempotency_records (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    seckill_id VARCHAR(64)     NOT NULL DEFAULT '',
    user_id    BIGINT UNSIGNED NOT NULL,
    product_id BIGINT UNSIGNED NOT NULL,
    order_id   BIGINT UNSIGNED NOT NULL,
    created_at BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_seckill_user_product (seckill_id, user_id, product_id),
    KEY idx_order_id (order_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
