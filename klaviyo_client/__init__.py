"""One client for Klaviyo's API: authentication, pacing, retries, errors, pages and jobs."""
