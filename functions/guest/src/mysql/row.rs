//! Rows of a result, with typed access to their columns.

use crate::Fault;
use domain::Ms;
use spin_sdk::mysql::DbValue;

/// A row; columns count from 0.
#[derive(Debug)]
pub struct Row(pub(super) Vec<DbValue>);

impl Row {
    fn wrong(&self, column: usize, wanted: &str) -> Fault {
        Fault::Internal(format!(
            "column {column} is no {wanted}: {:?}",
            self.0.get(column)
        ))
    }

    /// Whether the column is NULL or missing.
    pub fn is_null(&self, column: usize) -> bool {
        matches!(self.0.get(column), None | Some(DbValue::DbNull))
    }

    /// From a column of any integer type, or a boolean as 0 or 1.
    ///
    /// # Errors
    /// Where the column is NULL, missing, of another type or out of range.
    pub fn i64(&self, column: usize) -> Result<i64, Fault> {
        let number = match self.0.get(column) {
            Some(DbValue::Int8(n)) => Some(i64::from(*n)),
            Some(DbValue::Int16(n)) => Some(i64::from(*n)),
            Some(DbValue::Int32(n)) => Some(i64::from(*n)),
            Some(DbValue::Int64(n)) => Some(*n),
            Some(DbValue::Uint8(n)) => Some(i64::from(*n)),
            Some(DbValue::Uint16(n)) => Some(i64::from(*n)),
            Some(DbValue::Uint32(n)) => Some(i64::from(*n)),
            Some(DbValue::Uint64(n)) => i64::try_from(*n).ok(),
            Some(DbValue::Boolean(b)) => Some(i64::from(*b)),
            _ => None,
        };
        number.ok_or_else(|| self.wrong(column, "integer"))
    }

    /// From a column of any integer type.
    ///
    /// # Errors
    /// Where the column is NULL, missing, of another type or negative.
    pub fn u64(&self, column: usize) -> Result<u64, Fault> {
        match self.0.get(column) {
            Some(DbValue::Uint64(n)) => Ok(*n),
            _ => {
                u64::try_from(self.i64(column)?).map_err(|_| self.wrong(column, "unsigned integer"))
            }
        }
    }

    /// From a column of any integer type.
    ///
    /// # Errors
    /// Where the column is NULL, missing, of another type or out of range.
    pub fn u32(&self, column: usize) -> Result<u32, Fault> {
        u32::try_from(self.u64(column)?).map_err(|_| self.wrong(column, "32-bit integer"))
    }

    /// From a column of any integer type.
    ///
    /// # Errors
    /// Where the column is NULL, missing, of another type or out of range.
    pub fn u8(&self, column: usize) -> Result<u8, Fault> {
        u8::try_from(self.u64(column)?).map_err(|_| self.wrong(column, "small integer"))
    }

    /// From a column of any integer type; `None` where it is NULL or missing.
    ///
    /// # Errors
    /// Where the column is of another type or negative.
    pub fn ms(&self, column: usize) -> Result<Option<Ms>, Fault> {
        if self.is_null(column) {
            Ok(None)
        } else {
            self.u64(column).map(Some)
        }
    }

    /// From a column of text or bytes; bytes that are no UTF-8 are replaced.
    ///
    /// # Errors
    /// Where the column is NULL, missing or of another type.
    pub fn text(&self, column: usize) -> Result<String, Fault> {
        self.optional_text(column)?
            .ok_or_else(|| self.wrong(column, "text"))
    }

    /// As [`text`](Self::text); `None` where the column is NULL or missing.
    ///
    /// # Errors
    /// Where the column is of another type.
    pub fn optional_text(&self, column: usize) -> Result<Option<String>, Fault> {
        match self.0.get(column) {
            Some(DbValue::Str(text)) => Ok(Some(text.clone())),
            Some(DbValue::Binary(bytes)) => Ok(Some(String::from_utf8_lossy(bytes).into_owned())),
            None | Some(DbValue::DbNull) => Ok(None),
            Some(_) => Err(self.wrong(column, "text")),
        }
    }

    /// From a column of bytes or text; `None` where it is NULL or missing.
    ///
    /// # Errors
    /// Where the column is of another type.
    pub fn optional_bytes(&self, column: usize) -> Result<Option<Vec<u8>>, Fault> {
        match self.0.get(column) {
            Some(DbValue::Binary(bytes)) => Ok(Some(bytes.clone())),
            Some(DbValue::Str(text)) => Ok(Some(text.clone().into_bytes())),
            None | Some(DbValue::DbNull) => Ok(None),
            Some(_) => Err(self.wrong(column, "bytes")),
        }
    }
}
