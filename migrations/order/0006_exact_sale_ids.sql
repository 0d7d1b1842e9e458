-- Another system's id of a flash sale is text of its own choice: two ids that a collation takes for one are two sales.

ALTER TABLE idempotency_records
    MODIFY seckill_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT '';
