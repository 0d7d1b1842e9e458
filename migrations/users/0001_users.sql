-- Who may log in, and their sessions. A database of its own: no other component and no other program reads it.

-- Numbers begin where those that other systems' clients use as examples end.
CREATE TABLE t_user (
    id            BIGINT UNSIGNED  NOT NULL AUTO_INCREMENT,
    name          VARCHAR(64)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'in lower case',
    password_hash VARCHAR(255)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'PHC string of argon2id',
    role          TINYINT UNSIGNED NOT NULL COMMENT '1 user 2 admin 3 ops',
    disabled_at   BIGINT UNSIGNED  NULL COMMENT 'since when the user may not log in',
    created_at    BIGINT UNSIGNED  NOT NULL,
    updated_at    BIGINT UNSIGNED  NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uk_name (name)
) ENGINE = InnoDB AUTO_INCREMENT = 10001 DEFAULT CHARSET = utf8mb4;

-- A session is what a login begins and a logout ends. It has one refresh token at a time, stored as its hash.
CREATE TABLE t_session (
    id         BINARY(16)      NOT NULL,
    user_id    BIGINT UNSIGNED NOT NULL,
    token_hash BINARY(32)      NOT NULL COMMENT 'SHA-256 of the refresh token that is valid now',
    rotated_at BIGINT UNSIGNED NOT NULL COMMENT 'since when',
    expires_at BIGINT UNSIGNED NOT NULL COMMENT 'until when',
    created_at BIGINT UNSIGNED NOT NULL COMMENT 'the login',
    PRIMARY KEY (id),
    KEY idx_user_rotated (user_id, rotated_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
