// SPDX-License-Identifier: Apache-2.0

//! What stands behind a master's port, whether it leads or stands by.

use std::sync::{Arc, PoisonError, RwLock};

use hyper::StatusCode;
use kaon_api::libprocess::Message;
use kaon_api::v1::MasterInfo;
use kaon_master::{View, query};

use super::front::{ROUTES, realm};
use super::reign::Reign;
use crate::front::{Common, aside};
use crate::http::route::Route;
use crate::http::{Delivery, Request, Response, Service};
use crate::metrics::Counters;

/// What this master is at the moment.
#[derive(Clone)]
pub enum Post {
    /// Others lead, or nobody.
    Standby {
        leader: Option<Arc<MasterInfo>>,
    },
    /// Elected, and reading the registry.
    Recovering,
    Leading(Arc<Reign>),
}

pub struct Office {
    post: RwLock<Post>,
    common: Common,
    /// What is shown of a master that does not lead.
    dormant: Arc<View>,
}

impl Office {
    pub fn new(post: Post, common: Common, dormant: View) -> Office {
        Office { post: RwLock::new(post), common, dormant: Arc::new(dormant) }
    }

    pub fn post(&self) -> Post {
        self.post.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set(&self, post: Post) {
        *self.post.write().unwrap_or_else(PoisonError::into_inner) = post;
    }
}

impl Service for Office {
    /// Mesos: whoever does not lead, or has not read the registry yet, drops all messages.
    async fn message(&self, message: Message) -> Delivery {
        if let Post::Leading(reign) = self.post() {
            return reign.front.message(message).await;
        }
        tracing::debug!("Dropped a {} from {}: this master does not lead", message.name, message.from);
        Counters::add(&self.common.counters.messages_received);
        Counters::add(&self.common.counters.messages_dropped);
        Delivery::Accepted
    }

    async fn request(&self, request: Request) -> Response {
        let post = self.post();
        if let Post::Leading(reign) = post {
            let lease = reign.lease.clone();
            return reign.front.request(request).await.under(lease);
        }
        Counters::add(&self.common.counters.http_requests);
        let Some(route) = ROUTES.find(request.path()) else { return Response::plain(StatusCode::NOT_FOUND) };
        if let Err(sent_away) = self.common.guard.admit(realm(route), &request) {
            return sent_away;
        }
        let recovers = matches!(post, Post::Recovering);
        match (route.actor, route.endpoint) {
            ("master", "health") => Response::ok(),
            ("metrics", endpoint) => {
                let view = self.dormant.clone();
                let mut figures = aside(move || query::metrics(&view)).await;
                self.common.counters.collect_registry(&mut figures);
                self.common.metrics(endpoint, &request, figures)
            }
            ("master", "api/v1" | "api/v1/scheduler") if recovers => not_recovered(),
            ("master", _) if recovers && request.method == "POST" => not_recovered(),
            ("master", endpoint) if !recovers && endpoint != "flags" => self.redirect(&post, &request),
            ("master" | "registrar(1)" | "allocator", _) => self.show(route, &request).await,
            _ => self.common.answer(&ROUTES, route, &request).await,
        }
    }
}

fn not_recovered() -> Response {
    Response::text(StatusCode::SERVICE_UNAVAILABLE, "Master has not finished recovery")
}

impl Office {
    /// Mesos: the leader by the name of its host, without a scheme; path and query as they came. `/redirect` asks for the
    /// leader itself.
    fn redirect(&self, post: &Post, request: &Request) -> Response {
        let Post::Standby { leader: Some(leader) } = post else {
            return Response::text(StatusCode::SERVICE_UNAVAILABLE, "No leader elected");
        };
        let Some(name) = name_of(leader) else {
            return Response::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The leading master tells no name of its host, and no address",
            );
        };
        match request.path().trim_matches('/') {
            "redirect" | "master/redirect" => Response::redirect(&format!("//{name}")),
            path if path.starts_with("redirect/") || path.starts_with("master/redirect/") => {
                Response::plain(StatusCode::NOT_FOUND)
            }
            _ => Response::redirect(&format!("//{name}{}", request.target)),
        }
    }

    /// What a master can show that knows of no agents and frameworks.
    async fn show(&self, route: Route<'_>, request: &Request) -> Response {
        let view = self.dormant.clone();
        let query = request.query.pairs().to_vec();
        let endpoint = match route.actor {
            "registrar(1)" => "registrar(1)/registry",
            "allocator" => "allocator/offer_constraints_debug",
            _ => route.endpoint,
        };
        match aside(move || query::v0(&view, endpoint, &query)).await {
            Some(json) => Response::json(request, json.into_bytes()),
            None => Response::plain(StatusCode::NOT_FOUND),
        }
    }
}

/// `host:port` of a master.
fn name_of(leader: &MasterInfo) -> Option<String> {
    let address = leader.address.as_ref();
    let told = |name: Option<&str>| name.filter(|name| !name.is_empty()).map(str::to_owned);
    let host = told(leader.hostname.as_deref())
        .or_else(|| told(address.and_then(|address| address.hostname.as_deref())))
        .or_else(|| told(address.and_then(|address| address.ip.as_deref())))?;
    Some(format!("{host}:{}", leader.port))
}
