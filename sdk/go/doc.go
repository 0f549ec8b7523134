// Package grove is the client of Grove's management API.
//
// Its methods and types are generated from openapi.yaml; client.go has what they share. See the README for a first
// program.
package grove
