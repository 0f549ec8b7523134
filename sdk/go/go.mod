module grove/sdk/go

go 1.26.0

require (
	github.com/oapi-codegen/nullable v1.2.0
	golang.org/x/oauth2 v0.38.0
)
