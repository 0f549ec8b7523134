package main

import "encoding/base64"

var rawURL = base64.RawURLEncoding
