//! Tests of `statement`.

use super::Residue::{Connection, Session, Transaction};
use super::*;

#[test]
fn words() {
    for (statement, want) in [
        ("SET autocommit=0", Some(Word::Mode(Mode::Manual))),
        (
            " set session autocommit = 1 ",
            Some(Word::Mode(Mode::Automatic)),
        ),
        ("set @@autocommit=0", Some(Word::Mode(Mode::Manual))),
        ("commit", Some(Word::End)),
        ("ROLLBACK ", Some(Word::End)),
        ("ROLLBACK TO SAVEPOINT a", None),
        ("COMMIT AND CHAIN", None),
        ("SET autocommit=0, sql_mode=''", None),
        ("SET autocommit=DEFAULT", None),
        ("SELECT 1", None),
        ("", None),
    ] {
        assert_eq!(word(statement), want, "{statement}");
    }
}

#[test]
fn blocks() {
    for (statement, want) in [
        ("BEGIN NOT ATOMIC SELECT 1; END", true),
        ("/* one */ begin not atomic select 1; end", true),
        ("BEGIN", false),
        ("begin work", false),
        ("BEGIN;", false),
        ("SELECT 1", false),
        ("/*! BEGIN NOT ATOMIC */", false),
    ] {
        assert_eq!(is_compound(statement), want, "{statement}");
    }
}

#[test]
fn verdicts() {
    for (statement, want) in [
        ("SELECT id FROM t WHERE id=?", Transaction),
        ("  select 1", Transaction),
        ("(SELECT 1) UNION (SELECT 2)", Transaction),
        ("/* hint */ -- more\n INSERT INTO t VALUES(?)", Transaction),
        ("SELECT ROW_COUNT()", Transaction),
        ("SELECT id FROM t FOR UPDATE SKIP LOCKED", Transaction),
        ("SET autocommit=0", Transaction),
        ("SET SESSION autocommit = 1", Transaction),
        ("set @@autocommit=0", Transaction),
        ("COMMIT", Transaction),
        ("ROLLBACK", Transaction),
        ("SET autocommit=0, sql_mode=''", Session),
        ("SET @x = 1", Session),
        ("SET SESSION sql_mode=''", Session),
        ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", Session),
        ("SELECT @x := 1", Session),
        ("SELECT 1 INTO @x", Session),
        ("SELECT GET_LOCK('a', 1)", Session),
        ("SELECT get_lock('a', 1)", Session),
        ("SELECT /*! SQL_NO_CACHE */ 1", Session),
        ("/*! SET @x = 1 */", Session),
        ("/*M!100100 SET @x = 1 */", Session),
        ("CREATE TEMPORARY TABLE t (a INT)", Session),
        ("LOCK TABLES t WRITE", Session),
        ("CALL place_order(?)", Session),
        ("PREPARE s FROM 'SELECT 1'", Session),
        ("", Session),
        ("-- nothing", Session),
        ("USE other", Connection),
    ] {
        assert_eq!(residue(statement), want, "{statement}");
    }
}
