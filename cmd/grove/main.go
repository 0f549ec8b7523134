// Command grove is the whole product: server, worker, migrations, and a development mode that needs nothing else.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"grove/infra/config"
	"grove/infra/telemetry"
)

// version and commit are set when a release is built.
var (
	version = "dev"
	commit  = ""
)

type cli struct {
	Dev     devCommand     `cmd:"" help:"Start everything for development: database, seeded tenant, mail inbox."`
	Doctor  doctorCommand  `cmd:"" help:"Explain the configuration and check what it points at."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to this version."`
	Openapi openapiCommand `cmd:"" help:"Print the API's description."`
	Serve   serveCommand   `cmd:"" help:"Serve requests and work jobs."`
	Tenant  tenantCommand  `cmd:"" help:"Manage tenants."`
	Version versionCommand `cmd:"" help:"Print version and commit."`
	Work    workCommand    `cmd:"" help:"Work jobs only."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // who asks twice does not want to wait
	if len(os.Args) == 1 || os.Args[1] == "help" {
		os.Args = slices.Concat(os.Args[:1], os.Args[min(2, len(os.Args)):], []string{"--help"}) // as most people type it
	}
	var c cli
	k := kong.Parse(&c, kong.Name("grove"), kong.Description("Identity control plane for B2B SaaS."),
		kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)))
	if err := k.Run(); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "grove: "+err.Error())
		os.Exit(1)
	}
}

type versionCommand struct{}

// Run prints the version, the commit and the toolchain.
func (versionCommand) Run() error {
	commit, goVersion := cmp.Or(commit, "unknown"), ""
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	fmt.Printf("grove %s (commit %s, %s)\n", version, commit, goVersion)
	return nil
}

// newLog is the program's logger as the configuration wants it.
func newLog(c config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "text" {
		return telemetry.Logger(slog.NewTextHandler(os.Stderr, options))
	}
	return telemetry.Logger(slog.NewJSONHandler(os.Stderr, options))
}
