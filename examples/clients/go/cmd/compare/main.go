// Command compare uploads documents, has them compared, watches the job to its end, and pages through what was found.
//
//	compare TARGET run FILE|URI…   files are uploaded, URIs are the mesh's to fetch
//	compare TARGET read JOB        read every extraction and comparison of a job
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	collatio "collatio.dev/gen/go/collatio/v1"
)

const (
	chunk   = 1 << 20
	timeout = 30 * time.Second
)

// snippet connect

// Unary calls are tried again on UNAVAILABLE, and wait for a gateway that is being replaced.
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{"service": "collatio.v1.JobService"}, {"service": "collatio.v1.BlobService"}],
    "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"]}
  }]
}`

func connect(target string) (*grpc.ClientConn, error) {
	return grpc.NewClient(target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
}

// snippet ends

// snippet errors

// reasonOf returns the reason to branch on ("JOB_NOT_FOUND"); "" for an error that is not collatio's own.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == "collatio" {
			return info.GetReason()
		}
	}
	return ""
}

// snippet ends

// snippet upload

// upload puts a file into the mesh; bytes that it holds already are not sent.
func upload(ctx context.Context, blobs collatio.BlobServiceClient, path string) (*collatio.BlobRef, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	header := &collatio.UploadHeader{Sha256: hex.EncodeToString(sum[:]), SizeBytes: int64(len(data))}
	call, err := blobs.UploadBlob(ctx)
	if err != nil {
		return nil, err
	}
	err = call.Send(&collatio.UploadBlobRequest{Piece: &collatio.UploadBlobRequest_Header{Header: header}})
	for len(data) > 0 && err == nil {
		size := min(len(data), chunk)
		err = call.Send(&collatio.UploadBlobRequest{Piece: &collatio.UploadBlobRequest_Data{Data: data[:size]}})
		data = data[size:]
	}
	if err != nil && !errors.Is(err, io.EOF) { // io.EOF: the mesh has answered already
		return nil, err
	}
	return call.CloseAndRecv()
}

// snippet ends

// snippet submit

// submit creates a job that compares every document with every other.
func submit(ctx context.Context, jobs collatio.JobServiceClient, sources []*collatio.Source) (*collatio.Job, error) {
	plan := &collatio.CompareSpec{Plan: &collatio.CompareSpec_AllPairs{AllPairs: &collatio.AllPairsPlan{}}}
	// The request id makes it safe to call again: the same id gives the same job.
	request := &collatio.CreateJobRequest{
		Job:       &collatio.Job{Spec: &collatio.JobSpec{Sources: sources, Compare: plan}},
		RequestId: newUUID(),
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return jobs.CreateJob(ctx, request)
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// snippet ends

// snippet watch

// watch calls each with what happens to a job, every event once and in order, through gateways that come and go.
func watch(ctx context.Context, jobs collatio.JobServiceClient, name string, each func(*collatio.JobEvent)) error {
	last := int32(0)
	for {
		ended, err := watchOnce(ctx, jobs, name, &last, each)
		if ended {
			return nil
		}
		if reason := reasonOf(err); reason != "" && reason != "SHUTTING_DOWN" {
			return err // the gateway's own word
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func watchOnce(ctx context.Context, jobs collatio.JobServiceClient, name string, last *int32,
	each func(*collatio.JobEvent)) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := jobs.WatchJob(ctx, &collatio.WatchJobRequest{Name: name, AfterSequence: *last})
	if err != nil {
		return false, err
	}
	for {
		event, err := call.Recv()
		if err != nil {
			return false, err
		}
		switch what := event.Event.(type) {
		case *collatio.JobEvent_Heartbeat:
		case *collatio.JobEvent_Snapshot:
			each(event)
			if hasEnded(what.Snapshot.State) && *last >= event.Sequence {
				return true, nil
			}
		default:
			if event.Sequence != *last+1 {
				log.Fatalf("event %d came after %d", event.Sequence, *last)
			}
			*last = event.Sequence
			each(event)
		}
	}
}

func hasEnded(state collatio.JobState) bool {
	switch state {
	case collatio.JobState_JOB_STATE_SUCCEEDED, collatio.JobState_JOB_STATE_FAILED,
		collatio.JobState_JOB_STATE_CANCELLED, collatio.JobState_JOB_STATE_EXPIRED:
		return true
	}
	return false
}

// snippet ends

// snippet page

// comparisons calls each with a job's comparisons, page by page.
func comparisons(ctx context.Context, jobs collatio.JobServiceClient, name string,
	each func(*collatio.Comparison) error) error {
	request := &collatio.ListJobComparisonsRequest{Name: name, PageSize: 5}
	for {
		page, err := jobs.ListJobComparisons(ctx, request)
		if err != nil {
			return err
		}
		for _, one := range page.Comparisons {
			if err := each(one); err != nil {
				return err
			}
		}
		if request.PageToken = page.NextPageToken; request.PageToken == "" {
			return nil
		}
	}
}

// snippet ends

// snippet parts

// merged reads a result that comes in parts, as a message may not exceed 4 MiB, into whole.
func merged[Part any](call grpc.ServerStreamingClient[Part], whole *Part) error {
	for {
		part, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		proto.Merge(any(whole).(proto.Message), any(part).(proto.Message))
	}
}

// snippet ends

// snippet reason

// look finds a job that may be gone: branch on the reason, never on the message.
func look(ctx context.Context, jobs collatio.JobServiceClient, name string) (*collatio.Job, error) {
	job, err := jobs.GetJob(ctx, &collatio.GetJobRequest{Name: name})
	if reasonOf(err) == "JOB_NOT_FOUND" {
		return nil, nil
	}
	return job, err
}

// snippet ends

func run(ctx context.Context, jobs collatio.JobServiceClient, blobs collatio.BlobServiceClient, places []string) error {
	var sources []*collatio.Source
	keys := map[string]string{}
	for _, place := range places {
		if strings.Contains(place, "://") {
			sources = append(sources, &collatio.Source{Key: place, Origin: &collatio.Source_Uri{Uri: place}})
			continue
		}
		blob, err := upload(ctx, blobs, place)
		if err != nil {
			return err
		}
		keys[blob.Sha256] = filepath.Base(place)
		origin := &collatio.Source_Blob{Blob: blob}
		sources = append(sources, &collatio.Source{Key: filepath.Base(place), Origin: origin})
	}
	job, err := submit(ctx, jobs, sources)
	if err != nil {
		return err
	}
	fmt.Println("job", job.Name)
	var ended *collatio.Job
	events := 0
	err = watch(ctx, jobs, job.Name, func(event *collatio.JobEvent) {
		if snapshot := event.GetSnapshot(); snapshot == nil {
			events++
		} else if hasEnded(snapshot.State) {
			ended = snapshot
		} else {
			fmt.Println("watching")
		}
	})
	if err != nil {
		return err
	}
	counts := ended.Documents
	fmt.Printf("ended %s after %d events: %d documents, %d failed\n", ended.State, events, counts.Found, counts.Failed)
	return comparisons(ctx, jobs, job.Name, func(one *collatio.Comparison) error {
		similarity := "-"
		if one.Similarity != nil && one.Similarity.Overall != nil {
			similarity = fmt.Sprintf("%.3f", *one.Similarity.Overall)
		}
		name := func(side *collatio.ComparedDocument) string {
			if key := keys[side.Sha256]; key != "" {
				return key
			}
			return side.Uri
		}
		fmt.Printf("pair %s %s | %s\n", similarity, name(one.Left), name(one.Right))
		return nil
	})
}

func read(ctx context.Context, jobs collatio.JobServiceClient, name string) error {
	request := &collatio.ListJobDocumentsRequest{Name: name, State: collatio.DocumentState_DOCUMENT_STATE_EXTRACTED}
	for more := true; more; more = request.PageToken != "" {
		page, err := jobs.ListJobDocuments(ctx, request)
		if err != nil {
			return err
		}
		request.PageToken = page.NextPageToken
		for _, one := range page.Documents {
			call, err := jobs.GetExtraction(ctx, &collatio.GetExtractionRequest{Name: name, DocumentId: one.DocumentId})
			if err != nil {
				return err
			}
			var whole collatio.Extraction
			if err := merged(call, &whole); err != nil {
				return err
			}
			fmt.Printf("extraction %s %d blocks\n", one.DocumentId, len(whole.Blocks))
		}
	}
	return comparisons(ctx, jobs, name, func(one *collatio.Comparison) error {
		call, err := jobs.GetComparison(ctx, &collatio.GetComparisonRequest{Name: name, ComparisonId: one.ComparisonId})
		if err != nil {
			return err
		}
		var whole collatio.Comparison
		if err := merged(call, &whole); err != nil {
			return err
		}
		fmt.Printf("comparison %s %d changes\n", one.ComparisonId, len(whole.Changes))
		return nil
	})
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 4 {
		log.Fatal("usage: compare TARGET run FILE|URI… | compare TARGET read JOB")
	}
	conn, err := connect(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	ctx := context.Background()
	jobs, blobs := collatio.NewJobServiceClient(conn), collatio.NewBlobServiceClient(conn)
	if os.Args[2] == "run" {
		err = run(ctx, jobs, blobs, os.Args[3:])
	} else {
		err = read(ctx, jobs, os.Args[3])
	}
	if err != nil {
		log.Fatal(err)
	}
	absent, err := look(ctx, jobs, "jobs/absent")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("absent", absent == nil)
}
