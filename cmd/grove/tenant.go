package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"grove/infra/config"
	"grove/infra/kernel/actor"
	tenantdir "grove/tenants/directory"
)

type tenantCommand struct {
	Create  tenantCreateCommand  `cmd:"" help:"Found a tenant with its first administrator."`
	Delete  tenantDeleteCommand  `cmd:"" help:"Stop everything of a tenant, and erase it when the retention is over."`
	Restore tenantRestoreCommand `cmd:"" help:"Bring a deleted tenant back before it is erased."`
}

type tenantCreateCommand struct {
	Handle       string `arg:"" help:"The tenant's name in addresses: /t/HANDLE."`
	Name         string `required:"" help:"The tenant's name for people."`
	AdminEmail   string `required:"" help:"E-mail address of the first administrator."`
	Plan         string `help:"A word of yours, such as the plan that the tenant pays for."`
	Region       string `help:"Where the tenant's data is said to be; it never changes."`
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
	return withTenants(ctx, func(ctx context.Context, tenants *tenantdir.Service) error {
		made, err := tenants.Create(ctx, tenantdir.CreateTenant{Handle: t.Handle, Name: t.Name, Plan: t.Plan, Region: t.Region,
			Admin: tenantdir.Admin{Email: t.AdminEmail, Password: strings.TrimSpace(password)}})
		if err != nil {
			return err
		}
		fmt.Printf("tenant %s is founded; its administrator signs in at %s/console and chooses a new password there\n", made.Handle, tenants.Base(made.Handle))
		return nil
	})
}

type tenantDeleteCommand struct {
	Handle string `arg:"" help:"The tenant's name in addresses."`
	Again  string `required:"" name:"confirm" help:"The same handle, so that nobody deletes another by mistake."`
}

// Run deletes the tenant and prints until when it can be restored.
func (t tenantDeleteCommand) Run(ctx context.Context) error {
	return withTenants(ctx, func(ctx context.Context, tenants *tenantdir.Service) error {
		found, err := tenants.LoadByHandle(ctx, t.Handle)
		if err != nil {
			return err
		}
		gone, err := tenants.Delete(ctx, found.ID, t.Again)
		if err != nil {
			return err
		}
		fmt.Printf("tenant %s has stopped; it can be restored until %s, and is erased then\n", gone.Handle, gone.EraseAt.UTC().Format(time.RFC3339))
		return nil
	})
}

type tenantRestoreCommand struct {
	Handle string `arg:"" help:"The tenant's name in addresses."`
}

// Run restores the tenant.
func (t tenantRestoreCommand) Run(ctx context.Context) error {
	return withTenants(ctx, func(ctx context.Context, tenants *tenantdir.Service) error {
		found, err := tenants.LoadByHandle(ctx, t.Handle)
		if err != nil {
			return err
		}
		back, err := tenants.Restore(ctx, found.ID)
		if err != nil {
			return err
		}
		fmt.Printf("tenant %s is %s\n", back.Handle, back.Status)
		return nil
	})
}

// withTenants runs f with the directory of the installation that the environment names, as the operator.
func withTenants(ctx context.Context, f func(context.Context, *tenantdir.Service) error) error {
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
	if err := f(ctx, a.Parts.Tenants); err != nil {
		return errors.Join(explained(err), stopApp(a))
	}
	return stopApp(a)
}
