package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"grove/infra/config"
	"grove/infra/kernel/actor"
	tenantdir "grove/tenants/directory"
)

type tenantCommand struct {
	Create tenantCreateCommand `cmd:"" help:"Found a tenant with its first administrator."`
}

type tenantCreateCommand struct {
	Handle       string `arg:"" help:"The tenant's name in addresses: /t/HANDLE."`
	Name         string `required:"" help:"The tenant's name for people."`
	AdminEmail   string `required:"" help:"E-mail address of the first administrator."`
	PasswordFile string `help:"File with the administrator's first password. Without it the environment's GROVE_ADMIN_PASSWORD is used." type:"existingfile"`
}

// Run founds the tenant and prints where its administrator signs in. The password is for the first sign-in only.
func (t tenantCreateCommand) Run(ctx context.Context) error {
	password := os.Getenv("GROVE_ADMIN_PASSWORD")
	if t.PasswordFile != "" {
		raw, err := os.ReadFile(t.PasswordFile)
		if err != nil {
			return err
		}
		password = string(raw)
	}
	if password == "" {
		return errors.New("no password: set GROVE_ADMIN_PASSWORD or give --password-file")
	}
	c, err := config.Load(without(os.Environ(), "GROVE_ADMIN_PASSWORD"))
	if err != nil {
		return err
	}
	if err := c.RequireServing(); err != nil {
		return err
	}
	a, err := newApp(ctx, c, 0)
	if err != nil {
		return err
	}
	ctx = actor.Into(ctx, actor.Actor{Kind: actor.Operator, Name: "command line"})
	made, err := a.Parts.Tenants.Create(ctx, tenantdir.CreateTenant{Handle: t.Handle, Name: t.Name,
		Admin: tenantdir.Admin{Email: t.AdminEmail, Password: strings.TrimSpace(password), MustChange: true}})
	if err != nil {
		return errors.Join(explained(err), stopApp(a))
	}
	fmt.Printf("tenant %s is founded; its administrator signs in at %s/console and chooses a new password there\n", made.Handle, a.Parts.Tenants.Base(made.Handle))
	return stopApp(a)
}
