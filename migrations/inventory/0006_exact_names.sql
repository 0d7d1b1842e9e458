-- Names are compared byte by byte; a search lowers both sides. The servers' own collations take accents for their
-- letters, and some take all emoji for one. No statement used the index on names: a search is for a part of one.

ALTER TABLE products
    MODIFY name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    DROP KEY idx_name;

-- Of a message that another system sent.
ALTER TABLE order_failures
    MODIFY message_id VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
        COMMENT 'where the message stood: one failure per message';
