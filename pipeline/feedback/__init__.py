"""What readers say of results: lesions right, wrong or missed, and the diagnosis; kept, and handed on as truth."""
