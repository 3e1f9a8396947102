// SPDX-License-Identifier: Apache-2.0

//! Enums of messages that go by their protobuf names, one for each direction of a process.

/// An enum of the messages that a process sends.
#[macro_export]
macro_rules! sent_messages {
    ($(#[$meta:meta])* $set:ident: $($(#[$doc:meta])* $variant:ident($type:ty),)+) => {
        $(#[$meta])*
        pub enum $set {
            $($(#[$doc])* $variant($type),)+
        }

        impl $set {
            /// The protobuf name and the bytes, as they go on the wire.
            pub fn encode(&self) -> (&'static str, Vec<u8>) {
                use $crate::wire::Message;
                match self {
                    $($set::$variant(message) => (<$type as Message>::PROTO_NAME, message.encode()),)+
                }
            }

            /// The same as JSON, for people.
            pub fn to_json(&self) -> String {
                match self {
                    $($set::$variant(message) => $crate::json::to_json(message, $crate::json::Dialect::V1),)+
                }
            }
        }
    };
}

/// An enum of the messages that a process understands.
#[macro_export]
macro_rules! received_messages {
    ($(#[$meta:meta])* $set:ident: $($(#[$doc:meta])* $variant:ident($type:ty),)+) => {
        $(#[$meta])*
        pub enum $set {
            $($(#[$doc])* $variant($type),)+
        }

        impl $set {
            /// The protobuf names of all that are understood.
            pub const NAMES: &[&str] = &[$(<$type as $crate::wire::Message>::PROTO_NAME,)+];

            /// The protobuf name.
            pub fn name(&self) -> &'static str {
                match self {
                    $($set::$variant(_) => <$type as $crate::wire::Message>::PROTO_NAME,)+
                }
            }

            /// Decodes a message by its protobuf name; `None` for names that are not understood.
            pub fn decode(name: &str, body: &[u8]) -> Option<Result<$set, $crate::wire::WireError>> {
                use $crate::wire::Message;
                $(if name == <$type as Message>::PROTO_NAME {
                    return Some(<$type as Message>::decode(body).map($set::$variant));
                })+
                None
            }
        }
    };
}
