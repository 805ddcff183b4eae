"""What a site's readers said becomes a site's profile: how sure findings are, and how often each cause is met."""
