using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Results;
using SagaRecovery.Executor.Running;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor;

/// <summary>The client that inserts sagas into the fenced store and starts them on the durable executor.</summary>
internal sealed class DurableSagaClient : SagaClient
{
    private const string DefaultAuthor = "service";

    private readonly Lazy<SagaRegistry> _registry;
    private readonly Lazy<DurableExecutor> _executor;
    private readonly SagaCoordinator _coordinator;
    private readonly SagaStarts _starts;
    private readonly ISagaLog _log;
    private readonly ISagaOperations _operations;
    private readonly ISagaReader _reader;
    private readonly ISagaTransactions _transactions;
    private readonly ShapeCheck _shapes;
    private readonly TimeProvider _time;
    private readonly JsonSerializerOptions _json;

    public DurableSagaClient(
        Lazy<SagaRegistry> registry,
        Lazy<DurableExecutor> executor,
        SagaCoordinator coordinator,
        SagaStarts starts,
        ISagaLog log,
        ISagaOperations operations,
        ISagaReader reader,
        ISagaTransactions transactions,
        ISagaDefinitions definitions,
        TimeProvider time,
        IOptions<DurableExecutorOptions> options)
    {
        _registry = registry;
        _executor = executor;
        _coordinator = coordinator;
        _starts = starts;
        _log = log;
        _operations = operations;
        _reader = reader;
        _transactions = transactions;
        _shapes = new ShapeCheck(definitions);
        _time = time;
        _json = options.Value.Json;
    }

    /// <inheritdoc />
    public override async Task<SagaHandle> StartAsync<TParameters>(
        Saga<TParameters> saga, TParameters parameters, SagaStartOptions? options = null, CancellationToken cancellationToken = default)
    {
        (SagaDefinition definition, NewSaga saved) = Prepare(saga, parameters, options);
        if (FindMistake(definition, options) is { } mistake)
        {
            return Attach(saga, parameters, await TryReadAsync(options, saved.Id, cancellationToken).ConfigureAwait(false) ?? throw mistake);
        }

        _starts.ThrowIfRefused(saved.Id); // must precede the wait for a join, which a process that shuts down may never make
        Membership member = await _coordinator.JoinedAsync(cancellationToken).ConfigureAwait(false);
        (SagaShapeChangedException? change, member) = await FindChangeAsync(definition, member, cancellationToken).ConfigureAwait(false);
        if (change is not null)
        {
            return Attach(saga, parameters, await TryReadAsync(options, saved.Id, cancellationToken).ConfigureAwait(false) ?? throw change);
        }

        // Must be announced before the insert: otherwise a pass could list the row as unknown and run the saga a second time.
        using SagaStart start = _starts.Announce(saved.Id);
        saved = saved with { Events = _executor.Value.FirstEventsOf(definition) };
        (bool created, member) = await WithMembershipAsync(
            member, by => _log.CreateAsync(by, saved, cancellationToken), cancellationToken).ConfigureAwait(false);
        if (!created)
        {
            return Attach(saga, parameters, await _reader.ReadAsync(saved.Id, cancellationToken).ConfigureAwait(false) ?? throw Deleted(saved.Id));
        }

        // Must precede the run, which may end at once: a saga that ends unconfirmed would be tracked for one pass too long.
        start.Confirm(AdoptGeneration.Initial);
        return _executor.Value.Start(definition, saved, member.Of(AdoptGeneration.Initial), options?.Inject);
    }

    /// <inheritdoc />
    public override async Task<SagaHandle> StartAsync<TParameters>(
        Saga<TParameters> saga,
        TParameters parameters,
        DbTransaction transaction,
        SagaStartOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        if (options?.Inject is not null)
        {
            throw new ArgumentException("Injections apply to a run that the start begins, and a start in a transaction begins none.", nameof(options));
        }

        (SagaDefinition definition, NewSaga saved) = Prepare(saga, parameters, options);
        if (FindMistake(definition, options) is { } mistake)
        {
            return Attach(saga, parameters, await _transactions.ReadAsync(transaction, saved.Id, cancellationToken).ConfigureAwait(false) ?? throw mistake);
        }

        _starts.BeginInTransaction(saved.Id);
        Membership member = await _coordinator.JoinedAsync(cancellationToken).ConfigureAwait(false);
        (SagaShapeChangedException? change, member) = await FindChangeAsync(definition, member, cancellationToken).ConfigureAwait(false);
        if (change is not null)
        {
            return Attach(saga, parameters, await _transactions.ReadAsync(transaction, saved.Id, cancellationToken).ConfigureAwait(false) ?? throw change);
        }

        (bool created, _) = await WithMembershipAsync(
            member, by => _transactions.CreateAsync(transaction, by, saved, cancellationToken), cancellationToken).ConfigureAwait(false);
        return created
            ? _executor.Value.ForCaller(new SagaHandle(saved.Id, () => CompleteAsync(saved.Id)) { IsNew = true })
            : Attach(saga, parameters, await _transactions.ReadAsync(transaction, saved.Id, cancellationToken).ConfigureAwait(false) ?? throw Deleted(saved.Id));
    }

    /// <inheritdoc />
    public override async Task<OperatorActionResult> CancelAsync(
        SagaId id, string reason, string? by = null, CancellationToken cancellationToken = default)
    {
        var note = new OperatorNote(by ?? DefaultAuthor, reason);
        CheckText(note.Reason, nameof(reason));
        CheckText(note.Actor, nameof(by));
        _coordinator.ThrowIfIncompatible();
        bool isDelivered = false;
        try
        {
            OperatorActionResult result = await _operations.CancelAsync(id, note, cancellationToken).ConfigureAwait(false);
            isDelivered = result is OperatorActionResult.Done && _executor.Value.Cancel(id, new SagaCancellation(_time.GetUtcNow(), note));
            return result;
        }
        finally
        {
            if (!isDelivered)
            {
                _starts.RequestPass(); // for a run that is just beginning here, or whose earlier request got no answer; the store tells other processes
            }
        }
    }

    /// <inheritdoc />
    public override async Task<SagaInfo?> GetAsync(SagaId id, CancellationToken cancellationToken = default)
    {
        SavedSaga? saga = await _coordinator.WhileCompatibleAsync(token => _reader.ReadAsync(id, token), cancellationToken).ConfigureAwait(false);
        return saga is null ? null : new SagaInfo(saga, StoredResult.Of(saga, _json));
    }

    /// <inheritdoc />
    public override Task<SagaResult> WaitAsync(SagaId id, CancellationToken cancellationToken = default) =>
        _executor.Value.ForCaller(new SagaHandle(id, () => WaitForEndAsync(id, cancellationToken))).Completion;

    /// <inheritdoc />
    public override SagaHandle? Find(SagaId id) => _executor.Value.Find(id);

    /// <summary>Creates the definition and the row of a saga.</summary>
    private (SagaDefinition Definition, NewSaga Saga) Prepare<TParameters>(Saga<TParameters> saga, TParameters parameters, SagaStartOptions? options)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(parameters, _json.TypeInfo<TParameters>());

        // Must precede the insert: a saga whose parameters cannot be read back could neither be started nor resumed.
        if (JsonRoundTrip.FindMistake(parameters, json, _json) is { } mistake)
        {
            throw new ArgumentException($"The parameters of saga {saga.Describe()} would not be stored as they are given: {mistake}.", nameof(parameters));
        }

        SagaDefinition definition = _registry.Value.Get(saga, json);
        if (definition.Shape.HasTransactionalNodes && _transactions is NoSagaTransactions)
        {
            throw new NotSupportedException($"Saga {definition} has a transactional node, and the store does not implement {nameof(ISagaTransactions)}.");
        }

        return (definition, new NewSaga(IdOf(saga, options), definition.Saved, json) { Deadline = options?.Deadline, Tags = SagaTag.From(options?.Tags) });
    }

    /// <summary>Stores a definition unless its shape has changed under the same version.</summary>
    private Task<(SagaShapeChangedException? Change, Membership By)> FindChangeAsync(
        SagaDefinition definition, Membership member, CancellationToken cancellationToken) =>
        WithMembershipAsync(member, by => _shapes.FindChangeAsync(_registry.Value, definition, by, cancellationToken).AsTask(), cancellationToken);

    /// <summary>Makes a write with the membership of this process, after it has joined again if the database has lost its join.</summary>
    /// <returns>The result, and the membership that wrote.</returns>
    private async Task<(T Result, Membership By)> WithMembershipAsync<T>(
        Membership member, Func<Membership, Task<T>> write, CancellationToken cancellationToken)
    {
        try
        {
            try
            {
                return (await write(member).ConfigureAwait(false), member);
            }
            catch (JoinLostException) // nothing was written
            {
                member = await _coordinator.RejoinAsync(member, cancellationToken).ConfigureAwait(false);
                return (await write(member).ConfigureAwait(false), member);
            }
        }
        catch (CoordinatorFencedException fenced)
        {
            _coordinator.ReportFenced(fenced);
            throw;
        }
    }

    private SagaId IdOf(Saga saga, SagaStartOptions? options) => options switch
    {
        { Id: not null, Key: not null } => throw new ArgumentException(
            $"Both {nameof(options.Id)} and {nameof(options.Key)} are set, and the key determines the id.", nameof(options)),
        { Id: { } id } => id,
        { Key: { } key } => SagaId.FromKey(saga.Name, key),
        _ => SagaId.NewAt(_time.GetUtcNow()),
    };

    /// <summary>Attaches a start to the saga that exists under its id.</summary>
    /// <exception cref="SagaConflictException">That saga is another one.</exception>
    private SagaHandle Attach<TParameters>(Saga<TParameters> saga, TParameters parameters, SavedSaga existing) =>
        StartDifference.Find(existing, saga.Name, parameters, _json) is { } difference
            ? throw new SagaConflictException(existing.Id, difference)
            : _executor.Value.ForCaller(new SagaHandle(existing.Id, () => CompleteAsync(existing.Id)));

    /// <summary>Reads the saga that an earlier start with the same id or key may have made; null for a start without one.</summary>
    private async Task<SavedSaga?> TryReadAsync(SagaStartOptions? options, SagaId id, CancellationToken cancellationToken)
    {
        _coordinator.ThrowIfIncompatible();
        return options is { Id: not null } or { Key: not null } && _reader is not NoSagaReader
            ? await _reader.ReadAsync(id, cancellationToken).ConfigureAwait(false)
            : null;
    }

    private static InvalidOperationException Deleted(SagaId id) => new($"Saga {id} was not started: it existed, and was deleted meanwhile.");

    /// <summary>Waits for the end of an existing saga, for a handle, whose completion never faults.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The store may be one of the user's.")]
    private async Task<SagaResult> CompleteAsync(SagaId id)
    {
        try
        {
            return await WaitForEndAsync(id, CancellationToken.None).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return new SagaResult.Interrupted(StopReason.Shutdown.Describe());
        }
        catch (KeyNotFoundException)
        {
            return new SagaResult.Interrupted("no committed saga has this id: a transaction that starts it is open or was rolled back, retention has deleted it, or the database has lost it");
        }
        catch (Exception e)
        {
            return new SagaResult.Interrupted($"its result cannot be read: {e.Message}");
        }
    }

    private async Task<SagaResult> WaitForEndAsync(SagaId id, CancellationToken cancellationToken)
    {
        if (_executor.Value.FindRunHandle(id) is { } here)
        {
            SagaResult result = await here.Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (result is not SagaResult.Interrupted)
            {
                return result;
            }
        }

        SavedSaga saga = await _coordinator.WhileCompatibleAsync(token => _executor.Value.Waits.WaitAsync(id, token), cancellationToken).ConfigureAwait(false)
            ?? throw new KeyNotFoundException($"There is no saga {id}.");
        return StoredResult.Of(saga, _json)!;
    }

    private static void CheckText(string text, string parameter)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text, parameter);
        if (text.Length > OperatorNote.MaxLength)
        {
            throw new ArgumentException($"The text has {text.Length} characters, and {OperatorNote.MaxLength} at most are stored.", parameter);
        }
    }

    /// <summary>Finds options that contradict the definition. They do not matter to a start that attaches to an existing saga.</summary>
    private ArgumentException? FindMistake(SagaDefinition definition, SagaStartOptions? options) =>
        FindUnknownInjection(definition, options?.Inject) ?? FindEarlyDeadline(definition, options);

    /// <summary>Finds a deadline that a time limit contradicts: an attempt of that node could never use its limit.</summary>
    private ArgumentException? FindEarlyDeadline(SagaDefinition definition, SagaStartOptions? options)
    {
        if (options?.Deadline is not { } deadline)
        {
            return null;
        }

        TimeSpan left = deadline - _time.GetUtcNow();
        for (int node = 0; node < definition.Policies.Count; node++)
        {
            if (left > TimeSpan.Zero && definition.Policies[node].Action.Timeout is { } timeout && timeout > left)
            {
                return new ArgumentException(
                    $"Saga {definition} was not started: its deadline is {PlainText.Duration(left)} away, and the time limit of node "
                    + $"'{definition.Shape.NameOf(node)}' is longer ({PlainText.Duration(timeout)}).",
                    nameof(options));
            }
        }

        return null;
    }

    private static ArgumentException? FindUnknownInjection(SagaDefinition definition, SagaInjections? inject) =>
        inject?.Nodes.FirstOrDefault(node => definition.Shape.Find(node) < 0) is { } unknown
            ? new ArgumentException($"An injection names node '{unknown}', but saga {definition} has no such node.", nameof(inject))
            : null;
}
