"""Pages for people: certificates as PDF, in English and Simplified Chinese. Knows what to say, decides nothing."""
