//! HTTP for machines: health, metrics, and webhooks of forges.
