using SagaRecovery.Testing.Idempotency;

namespace SagaRecovery.Testing.Tests.Idempotency;

/// <summary>A world that is a list of rows, and the checks of sagas that change it.</summary>
internal sealed class World
{
    private readonly Lock _lock = new();
    private readonly List<string> _rows = [];

    public IReadOnlyList<string> Rows
    {
        get
        {
            lock (_lock)
            {
                return [.. _rows];
            }
        }
    }

    /// <summary>Rows of others, which exist before the saga.</summary>
    public string[] Others { get; init; } = ["another's row"];

    public void Reset()
    {
        lock (_lock)
        {
            _rows.Clear();
            _rows.AddRange(Others);
        }
    }

    /// <summary>Adds a row, even if it exists.</summary>
    public void Add(string row)
    {
        lock (_lock)
        {
            _rows.Add(row);
        }
    }

    /// <summary>Adds a row, unless it exists.</summary>
    public void Put(string row)
    {
        lock (_lock)
        {
            if (!_rows.Contains(row))
            {
                _rows.Add(row);
            }
        }
    }

    public bool Remove(string row)
    {
        lock (_lock)
        {
            return _rows.Remove(row);
        }
    }

    /// <summary>A correct node: adds its row, and removes it.</summary>
    public SagaNode Good(SagaBuilder<string> saga, string name, params IReadOnlyList<SagaNode> after) =>
        saga.Node(name, Does(() => Put(name)), Does(() => Remove(name)), after);

    /// <summary>A saga <c>first ─► bad ─► last</c>, of which a test declares the node in the middle.</summary>
    public WorldSaga Chain(Func<SagaBuilder<string>, SagaNode, SagaNode> bad) => new(saga =>
    {
        SagaNode first = Good(saga, "first");
        saga.Node("last", Does(() => Put("last")), undo: null, after: bad(saga, first));
    });

    public IdempotencyCheck<string> CheckOf(WorldSaga saga) => new()
    {
        Saga = saga,
        Parameters = "",
        State = _ => Task.FromResult<IEnumerable<string>>(Rows),
        Reset = _ =>
        {
            Reset();
            return Task.CompletedTask;
        },
    };

    public Task<IdempotencyReport> CheckAsync(WorldSaga saga) => CheckOf(saga).RunAsync();

    public static Func<NodeContext<string>, Task> Does(Action action) => _ =>
    {
        action();
        return Task.CompletedTask;
    };
}

/// <summary>A saga whose nodes a test declares on the spot.</summary>
internal sealed class WorldSaga(Action<SagaBuilder<string>> define) : Saga<string>
{
    public override string Name => "worldly";

    protected override void Define(SagaBuilder<string> saga) => define(saga);
}
