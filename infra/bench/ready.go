package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// started is how `grove serve` starts on a migrated database.
type started struct {
	ready time.Duration // from exec to the first 200 of /readyz, median
	// Resident memory after a few seconds, in bytes, and of that what is not the program's file.
	idle, private int64
}

// idleTime lets what a start leaves behind be collected.
const idleTime = 5 * time.Second

// measureStart starts the server on a migrated database again and again.
func measureStart(ctx context.Context, program, databaseURL, rootKey, folder string, rounds int) (started, error) {
	var out started
	var times []time.Duration
	for range rounds {
		addr, err := freeAddress()
		if err != nil {
			return out, err
		}
		env := environment(append(withoutLimits, "GROVE_ADDR="+addr, "GROVE_DATABASE_URL="+databaseURL,
			"GROVE_ROOT_KEY="+rootKey)...)
		begin := time.Now()
		c, err := spawn(ctx, filepath.Join(folder, "serve.log"), env, program, "serve")
		if err != nil {
			return out, err
		}
		err = c.waitReady(ctx, "http://"+addr+"/readyz")
		times = append(times, time.Since(begin))
		if err == nil && len(times) == rounds {
			time.Sleep(idleTime)
			out.idle, out.private = memory(c.pid()), private(c.pid())
		}
		c.stop()
		if err != nil {
			return out, err
		}
	}
	slices.Sort(times)
	out.ready = times[len(times)/2]
	return out, nil
}

// migrated makes a database as an operator would, and returns the URL of the server's login.
func migrated(ctx context.Context, program, superURL string) (string, error) {
	execute := func(database string, statements ...string) error {
		u, err := as(superURL, "postgres", database)
		if err != nil {
			return err
		}
		conn, err := pgx.Connect(ctx, u)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		for _, sql := range statements {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	}
	if err := execute("postgres", `CREATE ROLE grove LOGIN`, `CREATE DATABASE grove`); err != nil {
		return "", err
	}
	owner, err := as(superURL, "postgres", "grove")
	if err != nil {
		return "", err
	}
	migrate := exec.CommandContext(ctx, program, "migrate")
	migrate.Env = environment("GROVE_DATABASE_URL=" + owner)
	if text, err := migrate.CombinedOutput(); err != nil {
		return "", fmt.Errorf("grove migrate: %w: %s", err, text)
	}
	if err := execute("grove", `GRANT grove_app, grove_system TO grove`); err != nil {
		return "", err
	}
	return as(superURL, "grove", "grove")
}
