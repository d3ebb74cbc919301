"""The differences that matter under the policy."""
