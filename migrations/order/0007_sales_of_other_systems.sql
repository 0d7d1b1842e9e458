-- The flash sale of another system in which a line was bought, in that system's words. A sale of this platform is told
-- by the line's sku.
ALTER TABLE t_order_item
    ADD COLUMN seckill_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL COMMENT 'of another system; ours is in sku_id' AFTER stock_mode;
