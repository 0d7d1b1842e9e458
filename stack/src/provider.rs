//! A payment provider that collects no money: for `up`, and for tests of what real ones do. It pays at once or later,
//! reports a payment once, twice or never, and says what became of one when it is asked.

mod http;

use anyhow::{Context, Result};
use http::{Answer, Request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long the shop may take to answer a report.
const REPORT_WITHIN: Duration = Duration::from_secs(10);

/// What the provider does with the payments that it is asked for next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Has the money at once, and says so in its answer.
    AtOnce,
    /// Has the money when it reports the payment: after these times.
    Later(Vec<Duration>),
    /// Has the money, and reports nothing: it must be asked.
    Silent,
    /// Declines.
    Declines,
    /// Has not decided, and goes on like that.
    Undecided,
}

/// Signs a report to the shop: the value of `authorization` for a path and a body.
pub type Signer = dyn Fn(&str, &[u8]) -> Result<String> + Send + Sync;

#[derive(Clone, Debug)]
struct Payment {
    order_id: String,
    amount: Value,
    status: &'static str,
    /// How often the shop asked what became of it.
    asked: usize,
}

struct State {
    manner: Manner,
    payments: BTreeMap<String, Payment>,
    /// Statuses of the shop's answers to reports.
    answers: Vec<u16>,
}

struct Shared {
    state: Mutex<State>,
    report_to: String,
    sign: Box<Signer>,
}

/// A running provider. It ends with its process.
#[derive(Clone)]
pub struct Provider {
    url: String,
    shared: Arc<Shared>,
}

impl Provider {
    /// Listens on `port`, or a free one, and reports payments to the shop at `report_to`, such as
    /// `http://127.0.0.1:8081`.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(
        port: Option<u16>,
        manner: Manner,
        report_to: impl Into<String>,
        sign: impl Fn(&str, &[u8]) -> Result<String> + Send + Sync + 'static,
    ) -> Result<Provider> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let listener = listener.context("the payment provider cannot listen")?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                manner,
                payments: BTreeMap::new(),
                answers: Vec::new(),
            }),
            report_to: report_to.into(),
            sign: Box::new(sign),
        });
        let served = shared.clone();
        thread::Builder::new()
            .name("payment provider".to_owned())
            .spawn(move || {
                http::serve(&listener, move |request| answer(&served, request));
            })?;
        Ok(Provider { url, shared })
    }

    /// Its address, for the variable `payment_url`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Changes what it does with the payments that it is asked for from now on.
    pub fn set(&self, manner: Manner) {
        self.shared.state().manner = manner;
    }

    /// Changes what became of a payment.
    pub fn settle(&self, payment_id: &str, status: &'static str) {
        if let Some(payment) = self.shared.state().payments.get_mut(payment_id) {
            payment.status = status;
        }
    }

    /// The same, with another amount than the one that was asked for.
    pub fn settle_with(&self, payment_id: &str, status: &'static str, amount: &str) {
        if let Some(payment) = self.shared.state().payments.get_mut(payment_id) {
            (payment.status, payment.amount) = (status, amount.into());
        }
    }

    /// Reports a payment as it is, of this amount where one is given; the status of the shop's answer.
    ///
    /// # Errors
    /// Where there is no such payment, or no answer.
    pub fn report(&self, payment_id: &str, amount: Option<&str>) -> Result<u16> {
        self.shared.report(payment_id, amount)
    }

    /// How often the shop asked what became of a payment; `None`: it was never asked for.
    pub fn asked(&self, payment_id: &str) -> Option<usize> {
        let state = self.shared.state();
        state.payments.get(payment_id).map(|payment| payment.asked)
    }

    /// Statuses of the shop's answers to reports so far.
    pub fn answers(&self) -> Vec<u16> {
        self.shared.state().answers.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, payment_id: &str, amount: Option<&str>) -> Result<u16> {
        const PATH: &str = "/v1/payment/callback";
        let payment = self.state().payments.get(payment_id).cloned();
        let payment = payment.with_context(|| format!("no payment {payment_id}"))?;
        let amount = amount.map_or(payment.amount, Value::from);
        let body = json!({
            "payment_id": payment_id,
            "order_id": payment.order_id,
            "amount": amount,
        });
        let body = body.to_string().into_bytes();
        let response = ureq::post(format!("{}{PATH}", self.report_to))
            .config()
            .timeout_global(Some(REPORT_WITHIN))
            .http_status_as_error(false)
            .build()
            .header("content-type", "application/json")
            .header("authorization", (self.sign)(PATH, &body)?)
            .send(&body)?;
        let status = response.status().as_u16();
        self.state().answers.push(status);
        Ok(status)
    }
}

fn answer(shared: &Arc<Shared>, request: &Request) -> Answer {
    let segments: Vec<&str> = request
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    match (request.method.as_str(), &segments[..]) {
        ("POST", ["payments"]) => collect(shared, &request.body),
        ("GET", ["payments", id]) => match shared.state().payments.get_mut(*id) {
            Some(payment) => {
                payment.asked += 1;
                Answer::json(200, &shown(id, payment))
            }
            None => Answer::json(404, &json!({ "error": "no such payment" })),
        },
        _ => Answer::json(404, &json!({ "error": "no such resource" })),
    }
}

/// A payment that is asked for again stays what it is.
fn collect(shared: &Arc<Shared>, body: &[u8]) -> Answer {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let (Some(id), Some(order)) = (asked["payment_id"].as_str(), asked["order_id"].as_str()) else {
        return Answer::json(
            400,
            &json!({ "error": "payment_id and order_id are required" }),
        );
    };
    let mut state = shared.state();
    let manner = state.manner.clone();
    let payment = match state.payments.get(id) {
        Some(payment) => payment.clone(),
        None => {
            let payment = Payment {
                order_id: order.to_owned(),
                amount: asked["amount"].clone(),
                status: match manner {
                    Manner::AtOnce | Manner::Silent => "paid",
                    Manner::Declines => "failed",
                    Manner::Later(_) | Manner::Undecided => "pending",
                },
                asked: 0,
            };
            state.payments.insert(id.to_owned(), payment.clone());
            if let Manner::Later(times) = &manner {
                report_later(shared, id, times);
            }
            payment
        }
    };
    let mut shown = shown(id, &payment);
    // It has the money, and does not say so.
    if manner == Manner::Silent {
        shown["status"] = "pending".into();
    }
    Answer::json(200, &shown)
}

fn report_later(shared: &Arc<Shared>, id: &str, times: &[Duration]) {
    for time in times.iter().copied() {
        let (shared, id) = (shared.clone(), id.to_owned());
        thread::spawn(move || {
            thread::sleep(time);
            if let Some(payment) = shared.state().payments.get_mut(&id) {
                payment.status = "paid";
            }
            // A shop that is away is the shop's problem, as it is with real ones: it may ask.
            let _ = shared.report(&id, None);
        });
    }
}

fn shown(id: &str, payment: &Payment) -> Value {
    json!({
        "payment_id": id,
        "order_id": payment.order_id,
        "amount": payment.amount,
        "status": payment.status,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(method: &str, url: &str, body: &Value) -> (u16, Value) {
        let request = ureq::http::Request::builder().method(method).uri(url);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut response = match method {
            "GET" => agent.run(request.body(()).unwrap()).unwrap(),
            _ => agent.run(request.body(body.to_string()).unwrap()).unwrap(),
        };
        let status = response.status().as_u16();
        (status, response.body_mut().read_json().unwrap())
    }

    #[test]
    fn a_payment_is_what_the_manner_makes_of_it() {
        let provider = Provider::start(None, Manner::AtOnce, "http://127.0.0.1:1", |_, _| {
            Ok(String::new())
        })
        .unwrap();
        let pay = |id: &str| {
            let body = json!({ "payment_id": id, "order_id": "7", "amount": 9.9 });
            send("POST", &format!("{}/payments", provider.url()), &body).1["status"].clone()
        };
        let state = |id: &str| {
            let url = format!("{}/payments/{id}", provider.url());
            send("GET", &url, &Value::Null)
        };
        assert_eq!(pay("a"), "paid");
        provider.set(Manner::Silent);
        assert_eq!(
            (pay("b"), state("b").1["status"].clone()),
            ("pending".into(), "paid".into())
        );
        provider.set(Manner::Declines);
        assert_eq!(pay("c"), "failed");
        provider.set(Manner::Undecided);
        assert_eq!(
            (pay("a"), pay("c"), pay("d")),
            ("paid".into(), "failed".into(), "pending".into())
        );
        provider.settle("d", "paid");
        assert_eq!(state("d").1["status"], "paid");
        assert_eq!(
            (state("x").0, provider.asked("d"), provider.asked("x")),
            (404, Some(1), None)
        );
        assert!(provider.report("d", None).is_err(), "nobody is there");
    }
}
