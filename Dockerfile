# The image of a release: the program, the trust store, and nothing else. Its context is the folder that make release filled:
#   docker build -f Dockerfile -t grove bin/release
# Run it with a read-only file system; it writes no files:
#   docker run --read-only --cap-drop=ALL --security-opt=no-new-privileges --env-file=grove.env -p 8080:8080 grove
FROM scratch
ARG TARGETARCH=amd64
COPY --chmod=0444 ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --chmod=0555 grove-linux-${TARGETARCH} /grove
USER 65532:65532
ENV GROVE_ADDR=:8080
EXPOSE 8080
ENTRYPOINT ["/grove"]
CMD ["serve"]
