using Npgsql;
using SagaRecovery.Storage;

namespace SagaRecovery.Tests;

/// <summary>The grouping of entries into transactions.</summary>
public sealed class GroupCommitTests : IDisposable
{
    private const int Heavy = 9;

    private readonly List<(string Key, int[] Items)> _written = [];
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly GroupCommit<string, int, string> _commit;

    public GroupCommitTests() => _commit = new GroupCommit<string, int, string>(WriteAsync, item => item == Heavy ? 3 : 1, maxGroup: 3, maxConcurrent: 1);

    public void Dispose() => _arrived.Dispose();

    [Fact]
    public async Task A_lone_entry_is_written_at_once()
    {
        _release.SetResult();

        (await WriteAsync(1)).Should().Be("wrote 1");
        (await WriteAsync(2)).Should().Be("wrote 2");

        Groups.Should().BeEquivalentTo(["a: 1", "a: 2"], all => all.WithStrictOrdering());
    }

    [Fact]
    public async Task Entries_that_arrive_meanwhile_share_the_next_group_up_to_its_limit()
    {
        Task<string>[] all = [await FirstAsync(), .. Enumerable.Range(2, 4).Select(item => WriteAsync(item))];
        _release.SetResult();

        (await Task.WhenAll(all)).Should().Equal("wrote 1", "wrote 2", "wrote 3", "wrote 4", "wrote 5");
        Groups.Should().BeEquivalentTo(["a: 1", "a: 2 3 4", "a: 5"], groups => groups.WithStrictOrdering());
    }

    [Fact]
    public async Task What_is_heavy_has_a_transaction_for_itself()
    {
        Task<string>[] all = [await FirstAsync(), WriteAsync(2), WriteAsync(Heavy), WriteAsync(4)];
        _release.SetResult();
        await Task.WhenAll(all);

        Groups.Should().BeEquivalentTo(["a: 1", "a: 2", "a: 9", "a: 4"], groups => groups.WithStrictOrdering());
    }

    [Fact]
    public async Task It_is_idle_when_nothing_is_under_way_or_waits()
    {
        await _commit.WhenIdleAsync();
        Task<string>[] all = [await FirstAsync(), WriteAsync(2)];
        Task idle = _commit.WhenIdleAsync();

        idle.IsCompleted.Should().BeFalse();
        _release.SetResult();
        await idle;
        (await Task.WhenAll(all)).Should().Equal("wrote 1", "wrote 2");
    }

    [Fact]
    public async Task Only_what_has_the_same_key_shares_one()
    {
        Task<string>[] all = [await FirstAsync(), WriteAsync(2), WriteAsync(3, "b"), WriteAsync(4, "b"), WriteAsync(5)];
        _release.SetResult();
        await Task.WhenAll(all);

        Groups.Should().BeEquivalentTo(["a: 1", "a: 2", "b: 3 4", "a: 5"], groups => groups.WithStrictOrdering());
    }

    [Fact]
    public async Task A_cancelled_caller_does_not_wait_and_its_unsent_entry_is_not_written()
    {
        using var enough = new CancellationTokenSource();
        Task<string> first = _commit.WriteAsync("a", 1, enough.Token);
        await _arrived.WaitAsync();
        Task<string> second = _commit.WriteAsync("a", 2, enough.Token);
        Task<string> third = WriteAsync(3);
        await enough.CancelAsync();

        await first.Awaiting(task => task).Should().ThrowAsync<OperationCanceledException>();
        await second.Awaiting(task => task).Should().ThrowAsync<OperationCanceledException>();
        _release.SetResult();
        await third;
        Groups.Should().BeEquivalentTo(["a: 1", "a: 3"], groups => groups.WithStrictOrdering());
    }

    [Fact]
    public async Task What_the_database_refuses_for_its_data_fails_alone()
    {
        Task<string>[] all = [await FirstAsync(), WriteAsync(2), WriteAsync(-3), WriteAsync(4)];
        _release.SetResult();

        (await all[1]).Should().Be("wrote 2");
        (await all[2].Awaiting(task => task).Should().ThrowAsync<PostgresException>()).Which.SqlState.Should().Be("22P05");
        (await all[3]).Should().Be("wrote 4");
    }

    [Fact]
    public async Task Any_other_failure_fails_the_whole_group_and_the_next_group_is_tried_all_the_same()
    {
        Task<string>[] all = [await FirstAsync(), WriteAsync(2), WriteAsync(0), WriteAsync(4), WriteAsync(5)];
        _release.SetResult();

        foreach (Task<string> one in all[1..4])
        {
            await one.Awaiting(task => task).Should().ThrowAsync<TimeoutException>();
        }

        (await all[4]).Should().Be("wrote 5");
    }

    private IEnumerable<string> Groups => _written.Select(group => $"{group.Key}: {string.Join(' ', group.Items)}");

    private Task<string> WriteAsync(int item, string key = "a") => _commit.WriteAsync(key, item, CancellationToken.None);

    /// <summary>A write that is under way, so that later entries wait.</summary>
    private async Task<Task<string>> FirstAsync()
    {
        Task<string> first = WriteAsync(1);
        await _arrived.WaitAsync();
        return first;
    }

    private async Task<IReadOnlyList<string>> WriteAsync(string key, IReadOnlyList<int> items)
    {
        _arrived.Release();
        await _release.Task;
        if (items.Any(item => item < 0))
        {
            throw new PostgresException("unsupported Unicode escape sequence", "ERROR", "ERROR", "22P05");
        }

        _written.Add((key, [.. items]));
        return items.Contains(0) ? throw new TimeoutException() : [.. items.Select(item => $"wrote {item}")];
    }
}
