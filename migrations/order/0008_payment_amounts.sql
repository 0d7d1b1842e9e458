-- A payment is of an amount. What was reported first under a payment's id counts; rows of before have none.

ALTER TABLE t_payment
    ADD COLUMN amount BIGINT NULL COMMENT 'cents, as it was reported; NULL where it was not' AFTER order_id;

CREATE OR REPLACE VIEW v_refund AS
SELECT payment_id, order_id, CAST(amount / 100 AS DECIMAL(20, 2)) AS amount, refund_reason,
       FROM_UNIXTIME(refund_due_at / 1000) AS refund_due_at,
       FROM_UNIXTIME(created_at / 1000)    AS created_at
FROM t_payment
WHERE refund_due_at IS NOT NULL;
