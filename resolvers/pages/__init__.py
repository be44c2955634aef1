"""Pages: HTML of case types and terms texts, for residents and as previews."""
