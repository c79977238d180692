package queue

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// Foreign returns the names of asynq queues in this Redis that are not of the namespace, sorted.
func Foreign(ctx context.Context, rdb redis.UniversalClient, namespace string) ([]string, error) {
	names, err := rdb.SMembers(ctx, allQueuesKey).Result()
	if err != nil {
		return nil, fmt.Errorf("reading the names of queues: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return name == Name(namespace, order.Interactive) || name == Name(namespace, order.Bulk) || name == Name(namespace, Email)
	})
	slices.Sort(names)
	return names, nil
}
