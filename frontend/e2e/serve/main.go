// Command serve serves the built pages as the product does, without the product behind them, for the tests of the pages
// alone. It prints its address and stops when its standard input closes.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"grove/frontend"
)

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc(frontend.AssetsPath, frontend.Assets)
	for _, base := range []string{"", "/t/{tenant}", "/t/{tenant}/o/{org}"} {
		mux.HandleFunc(base+"/account", frontend.Account)
		mux.HandleFunc(base+"/account/", frontend.Account)
		mux.HandleFunc(base+"/console", frontend.Console)
		mux.HandleFunc(base+"/console/", frontend.Console)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Printf("http://%s\n", listener.Addr())
	if err := server.Serve(listener); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}
