//! Writes rows with questdb-rs, as it is told: a line of JSON comes in, one goes out.
//!
//! The rows are those of `benchmarks/questdb_peers/material.py`.

use std::hint::black_box;
use std::io::{stdin, BufRead};
use std::time::Instant;

use questdb::ingress::{Buffer, ColumnName, ProtocolVersion, TableName, TimestampNanos};
use serde_json::{json, Value};

type Failure = Box<dyn std::error::Error>;

const SYMBOLS: [&str; 8] = [
    "SYM0-USDT",
    "SYM1-USDT",
    "SYM2-USDT",
    "SYM3-USDT",
    "SYM4-USDT",
    "SYM5-USDT",
    "SYM6-USDT",
    "SYM7-USDT",
];
const SIDES: [&str; 2] = ["buy", "sell"];
const FIRST: i64 = 1_700_000_000_000_000_000;
const STEP: i64 = 1_000_003;

struct Row {
    symbol: &'static str,
    side: &'static str,
    price: f64,
    amount: f64,
    id: i64,
    at: i64,
}

fn mixed(number: u64) -> u64 {
    (number * 2_654_435_761) & 0xFFFF_FFFF
}

fn material(count: usize, symbols: usize) -> Vec<Row> {
    (0..count as u64)
        .map(|number| {
            let mix = mixed(number + 1);
            Row {
                symbol: SYMBOLS[(mix >> 16) as usize % symbols],
                side: SIDES[(mix >> 9) as usize % SIDES.len()],
                price: ((mix >> 3) % 5_000_000) as f64 / 100.0,
                amount: mixed(number + 2) as f64 / 4_294_967_291.0,
                id: number as i64,
                at: FIRST + number as i64 * STEP,
            }
        })
        .collect()
}

/// As the crate's examples do it: names are checked whenever they are written.
fn as_written(buffer: &mut Buffer, rows: &[Row]) -> questdb::Result<()> {
    for row in rows {
        buffer
            .table("trades")?
            .symbol("symbol", row.symbol)?
            .symbol("side", row.side)?
            .column_f64("price", row.price)?
            .column_f64("amount", row.amount)?
            .column_i64("id", row.id)?
            .at(TimestampNanos::new(row.at))?;
    }
    Ok(())
}

/// Names are checked once, beforehand.
fn prechecked(buffer: &mut Buffer, rows: &[Row]) -> questdb::Result<()> {
    let table = TableName::new("trades")?;
    let symbol = ColumnName::new("symbol")?;
    let side = ColumnName::new("side")?;
    let price = ColumnName::new("price")?;
    let amount = ColumnName::new("amount")?;
    let id = ColumnName::new("id")?;
    for row in rows {
        buffer
            .table(table)?
            .symbol(symbol, row.symbol)?
            .symbol(side, row.side)?
            .column_f64(price, row.price)?
            .column_f64(amount, row.amount)?
            .column_i64(id, row.id)?
            .at(TimestampNanos::new(row.at))?;
    }
    Ok(())
}

/// One buffer, and the rows of the last request, are kept.
struct Worker {
    buffer: Buffer,
    asked: (usize, usize),
    rows: Vec<Row>,
}

impl Worker {
    /// Fill the buffer; return how many seconds it took.
    fn fill(&mut self, told: &Value) -> Result<f64, Failure> {
        let number = |name: &str| told[name].as_u64().ok_or(format!("no {name}"));
        if number("version")? != 2 {
            return Err("only version 2".into());
        }
        let asked = (number("count")? as usize, number("symbols")? as usize);
        if asked != self.asked {
            self.rows = material(asked.0, asked.1);
            self.asked = asked;
        }
        let write = match told["way"].as_str() {
            Some("as written") => as_written,
            Some("prechecked") => prechecked,
            other => return Err(format!("no such way: {other:?}").into()),
        };
        self.buffer.clear();
        let start = Instant::now();
        write(&mut self.buffer, black_box(&self.rows))?;
        black_box(self.buffer.as_bytes());
        Ok(start.elapsed().as_secs_f64())
    }

    fn answer(&mut self, line: &str) -> Result<Value, Failure> {
        let asked: Value = serde_json::from_str(line)?;
        match asked[0].as_str() {
            Some("versions") => Ok(json!({"questdb-rs": "7.2.1", "rustc": env!("BUILT_BY")})),
            Some("write") => {
                let took = self.fill(&asked[1])?;
                Ok(json!({"seconds": took, "size": self.buffer.len()}))
            }
            Some("sample") => {
                self.fill(&asked[1])?;
                let bytes = self.buffer.as_bytes();
                Ok(json!(bytes
                    .iter()
                    .map(|one| format!("{one:02x}"))
                    .collect::<String>()))
            }
            other => Err(format!("no such verb: {other:?}").into()),
        }
    }
}

fn main() -> Result<(), Failure> {
    let buffer = Buffer::new(ProtocolVersion::V2);
    let mut worker = Worker {
        buffer,
        asked: (0, 0),
        rows: Vec::new(),
    };
    for line in stdin().lock().lines() {
        let told = match worker.answer(&line?) {
            Ok(answer) => json!({"answer": answer}),
            Err(failure) => json!({"error": failure.to_string()}),
        };
        println!("{told}");
    }
    Ok(())
}
