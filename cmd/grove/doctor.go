package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"grove/cmd/grove/app"
	"grove/infra/config"
	"grove/infra/db"
	"grove/infra/kernel/clock"
)

type doctorCommand struct{}

// Run explains every setting and then checks what they point at. It changes nothing and exits 1 when something is wrong.
func (doctorCommand) Run(ctx context.Context) error {
	c, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	if err := config.Explain(os.Stdout, c); err != nil {
		return err
	}
	fmt.Println()
	failed := false
	report := func(what string, err error) {
		if err != nil {
			failed = true
			fmt.Printf("  fail  %s: %v\n", what, err)
			return
		}
		fmt.Printf("  ok    %s\n", what)
	}
	report("settings that serving needs", c.RequireServing())
	if !c.DatabaseURL.IsZero() {
		report("database: roles, version, migrations", checkDatabase(ctx, c))
	}
	if c.SMTPURL.IsZero() {
		fmt.Println("  warn  no mail server (GROVE_SMTP_URL): invitations and other mail wait in the queue")
	}
	if failed {
		return errors.New("something is wrong, see above")
	}
	return nil
}

func checkDatabase(ctx context.Context, c config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	d, err := db.Open(ctx, db.Options{URL: c.DatabaseURL.Reveal(), MaxConn: 2, Clock: clock.System{}, Log: newLog(c)})
	if err != nil {
		return err
	}
	defer d.Close()
	return d.CheckMigrated(ctx, app.Folders())
}
