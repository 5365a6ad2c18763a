//! Discord's refusals: status, code and message.

use serde_json::{Value, json};

/// A refusal.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// Discord's JSON error code; 0 for plain HTTP errors.
    pub code: u32,
    /// Discord's words.
    pub message: String,
    /// Form errors, nested by field.
    pub errors: Option<Value>,
}

impl ApiError {
    /// A refusal without form errors.
    pub fn new(status: u16, code: u32, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), errors: None }
    }

    /// The JSON body.
    pub fn body(&self) -> Value {
        match &self.errors {
            Some(errors) => json!({"message": self.message, "code": self.code, "errors": errors}),
            None => json!({"message": self.message, "code": self.code}),
        }
    }
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $message:literal;)*) => {
        impl ApiError {
            $($(#[$doc])* pub(crate) fn $name() -> Self { Self::new($status, $code, $message) })*
        }
    };
}

refusals! {
    unauthorized = 401 0 "401: Unauthorized";
    not_found = 404 0 "404: Not Found";
    method_not_allowed = 405 0 "405: Method Not Allowed";
    unknown_channel = 404 10_003 "Unknown Channel";
    unknown_guild = 404 10_004 "Unknown Guild";
    unknown_member = 404 10_007 "Unknown Member";
    unknown_message = 404 10_008 "Unknown Message";
    unknown_overwrite = 404 10_009 "Unknown permission overwrite";
    unknown_role = 404 10_011 "Unknown Role";
    unknown_webhook = 404 10_015 "Unknown Webhook";
    unknown_user = 404 10_013 "Unknown User";
    unknown_interaction = 404 10_062 "Unknown interaction";
    unknown_command = 404 10_063 "Unknown application command";
    unknown_welcome_screen = 404 10_069 "Unknown Guild Welcome Screen";
    too_many_attachments = 400 30_015 "Maximum number of attachments in a message reached (10)";
    too_many_tags = 400 30_048 "Maximum number of tags reached (20)";
    bitrate_too_high = 400 30_052 "Bitrate is too high for channel of this type";
    too_many_command_creates = 400 30_034 "Max number of daily application command creates has been reached (200)";
    too_many_overwrites = 400 30_060 "Maximum number of channel permission overwrites reached (1000)";
    too_large = 413 40_005 "Request entity too large";
    feature_disabled = 403 40_006 "This feature has been temporarily disabled server-side";
    already_acknowledged = 400 40_060 "Interaction has already been acknowledged.";
    several_parents = 400 40_009 "Only one channel can have a parent_id modified at a time";
    /// No `User-Agent`, says Cloudflare.
    cloudflare_block = 403 40_333 "internal network error";
    missing_access = 403 50_001 "Missing Access";
    not_the_author = 403 50_005 "Cannot edit a message authored by another user";
    empty_message = 400 50_006 "Cannot send an empty message";
    missing_permissions = 403 50_013 "Missing Permissions";
    wrong_channel_type = 400 50_024 "Cannot execute action on this channel type";
    invalid_role = 400 50_028 "Invalid Role";
    community_needs_text = 400 50_086 "Community server channels must be text channels";
    needs_boosts = 403 50_101 "This server needs more boosts to perform this action";
    invalid_json = 400 50_109 "The request body contains invalid JSON.";
    uploaded_file_not_found = 400 50_146 "Uploaded file not found.";
    onboarding_requirements = 400 350_000 "Cannot enable onboarding, requirements are not met";
    two_factor_required = 403 60_003 "Two factor is required for this operation";
}
