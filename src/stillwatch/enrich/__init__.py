"""What is publicly known of an address, a mail domain, a client's name or its TLS greeting?"""
