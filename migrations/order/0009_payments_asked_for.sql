-- A payment that the provider was asked to collect is asked about until its order is settled.

ALTER TABLE t_payment
    ADD COLUMN ask_at BIGINT UNSIGNED NULL COMMENT 'when the provider is asked about it next; NULL where there is nothing to ask' AFTER created_at,
    ADD COLUMN asked INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'how often it was asked' AFTER ask_at,
    ADD COLUMN declined_at BIGINT UNSIGNED NULL COMMENT 'when the provider had declined it' AFTER asked,
    ADD KEY idx_ask_at (ask_at);
