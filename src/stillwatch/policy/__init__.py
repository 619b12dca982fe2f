"""What is done about members of campaigns: policies as data, what they would do, and who approved them."""
