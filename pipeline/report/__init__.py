"""What people and programs read: results.json, label images, pictures, pages."""
