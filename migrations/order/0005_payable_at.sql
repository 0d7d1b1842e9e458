-- An order that waited in a queue can be paid only when it is written: its time to be paid begins then, by this database's
-- clock.
ALTER TABLE t_order
    ADD COLUMN payable_at BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'when the order was written' AFTER updated_at,
    ADD KEY idx_status_payable (status, payable_at);

UPDATE t_order SET payable_at = created_at WHERE status = 0;
