-- A payment pays one order. A payment's row stands in the shard that its own id names, whichever order it is for, so that
-- the primary key holds over all shards. What cannot pay its order is to be refunded: v_refund lists it.

CREATE TABLE t_payment (
    payment_id    VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    gene          SMALLINT UNSIGNED NOT NULL COMMENT 'made of payment_id; names its shard',
    order_id      BIGINT UNSIGNED   NOT NULL,
    refund_due_at BIGINT UNSIGNED   NULL COMMENT 'since when it is known not to have paid its order',
    refund_reason VARCHAR(200)      NULL,
    created_at    BIGINT UNSIGNED   NOT NULL,
    PRIMARY KEY (payment_id),
    KEY idx_order_id (order_id),
    KEY idx_refund_due_at (refund_due_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE VIEW v_refund AS
SELECT payment_id, order_id, refund_reason,
       FROM_UNIXTIME(refund_due_at / 1000) AS refund_due_at,
       FROM_UNIXTIME(created_at / 1000)    AS created_at
FROM t_payment
WHERE refund_due_at IS NOT NULL;
