package main

import (
	"context"
	"fmt"
	"os"

	"grove/cmd/grove/app"
)

type openapiCommand struct {
	Catalogue string `help:"Print a catalogue instead: permissions, errors, events, settings or app-settings." enum:",app-settings,permissions,errors,events,settings" default:""`
}

// Run prints the API's description as YAML, or one of the catalogues as Markdown. It needs no database.
func (c openapiCommand) Run(context.Context) error {
	api := app.Describe(version)
	switch c.Catalogue {
	case "app-settings":
		return app.WriteAppSettings(os.Stdout, api)
	case "permissions":
		return app.WritePermissions(os.Stdout, api)
	case "errors":
		return app.WriteErrors(os.Stdout)
	case "events":
		return app.WriteEvents(os.Stdout)
	case "settings":
		return app.WriteSettings(os.Stdout)
	}
	raw, err := api.OpenAPI().YAML()
	if err != nil {
		return err
	}
	fmt.Print(string(raw))
	return nil
}
