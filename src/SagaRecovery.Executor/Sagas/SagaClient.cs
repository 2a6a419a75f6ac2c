using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>
/// The client that starts sagas and finds the sagas that run in this process.
/// </summary>
/// <remarks>A singleton of the container. Thread-safe. Abstract, so that a unit test can substitute it.</remarks>
public abstract class SagaClient
{
    /// <summary>Starts a saga and returns its handle.</summary>
    /// <typeparam name="TParameters">The type of the saga's parameters.</typeparam>
    /// <param name="saga">The registered definition, resolved from the container.</param>
    /// <param name="parameters">The parameters of the saga.</param>
    /// <param name="options">The id and the injections of the saga. Null for the defaults.</param>
    /// <param name="cancellationToken">
    /// Cancels the start. The saga may have been inserted by then, and recovery resumes it in that case.
    /// </param>
    /// <returns>
    /// The handle of the saga. The task completes when the saga is in the store, not when it has finished. If a saga with the id or key of the
    /// options exists, of the same definition in any version and with the same parameters, the handle of that saga, in any state.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// The saga is not registered, its parameters cannot be stored as they are given, an injection names a node that it does not have, or its
    /// deadline is nearer than the time limit of an action.
    /// </exception>
    /// <exception cref="SagaConflictException">
    /// A saga with the id or key of the options exists, of another definition or with other parameters. Nothing was started.
    /// </exception>
    /// <exception cref="DbException">
    /// With SQLSTATE 55P03: an open transaction is starting a saga with the same id or key. Nothing was started.
    /// </exception>
    /// <exception cref="Execution.SagaShapeChangedException">
    /// The nodes of the saga have changed and its version has not, while the former shape is needed and not registered. Nothing was started.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// This process is draining or shutting down, or a <see cref="DynamicSaga{TParameters}"/> cannot declare its nodes. Nothing was started.
    /// </exception>
    /// <exception cref="NotSupportedException">
    /// A saga with this id exists, and the store does not implement <see cref="ISagaReader"/>; or the saga has a transactional node, and the store does not
    /// implement <see cref="ISagaTransactions"/>.
    /// </exception>
    /// <exception cref="Fencing.CoordinatorFencedException">
    /// A newer process has joined under this coordinator id. Nothing was started.
    /// </exception>
    /// <exception cref="IncompatibleStoreException">
    /// The store has contents of a version that this process cannot work with, such as tables of another version. Nothing was started.
    /// </exception>
    /// <remarks>
    /// <para>
    /// The method waits until this process has joined as a coordinator. Once it returns, the saga is durable and runs to its end even if this
    /// process stops.
    /// </para>
    /// <para>
    /// Any other exception comes from the store, and the saga may or may not have been inserted. If it was, recovery resumes it. A caller
    /// that must not start a saga twice sets <see cref="SagaStartOptions.Key"/> or <see cref="SagaStartOptions.Id"/> and retries with the same
    /// value: the retry attaches to the saga, on whichever process it arrives. Deadline and injections of the retry are ignored then.
    /// </para>
    /// </remarks>
    /// <example>
    /// <code>
    /// app.MapPost("/orders", async ([FromHeader(Name = "Idempotency-Key")] string key, Order order, SagaClient client, OrderSaga saga) =>
    /// {
    ///     SagaHandle handle = await client.StartAsync(saga, order, new SagaStartOptions { Key = key });
    ///     return await client.WaitAsync(handle.SagaId) is SagaResult.Succeeded ? Results.Ok() : Results.Conflict();
    /// });
    /// </code>
    /// </example>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in a required parameter, the transaction.")]
    public abstract Task<SagaHandle> StartAsync<TParameters>(
        Saga<TParameters> saga, TParameters parameters, SagaStartOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Starts a saga in a transaction of the caller: the saga begins if the transaction commits.</summary>
    /// <typeparam name="TParameters">The type of the saga's parameters.</typeparam>
    /// <param name="saga">The registered definition, resolved from the container.</param>
    /// <param name="parameters">The parameters of the saga.</param>
    /// <param name="transaction">
    /// The open transaction, of Npgsql and on the database of the sagas. With EF Core: <c>context.Database.CurrentTransaction.GetDbTransaction()</c>.
    /// </param>
    /// <param name="options">The id or key and the deadline of the saga. Null for the defaults.</param>
    /// <param name="cancellationToken">Cancels the start.</param>
    /// <returns>
    /// The handle of the saga. If a saga with the id or key of the options exists, with the same definition and parameters, the handle of that
    /// saga. Its completion is to be awaited after the commit: before it, no saga exists.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// The saga is not registered, its parameters cannot be stored as they are given, its deadline is nearer than the time limit of an action, the
    /// options have injections, or the transaction belongs to another database.
    /// </exception>
    /// <exception cref="SagaConflictException">
    /// A saga with the id or key of the options exists, with another definition or other parameters. Nothing was started.
    /// </exception>
    /// <exception cref="Execution.SagaShapeChangedException">
    /// The nodes of the saga have changed and its version has not, while the former shape is needed and not registered. Nothing was started.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// This process is draining or shutting down, the transaction has ended, or a <see cref="DynamicSaga{TParameters}"/> cannot declare its nodes.
    /// Nothing was started.
    /// </exception>
    /// <exception cref="Fencing.CoordinatorFencedException">A newer process has joined under this coordinator id. Nothing was started.</exception>
    /// <exception cref="IncompatibleStoreException">
    /// The store has contents of a version that this process cannot work with, such as tables of another version. Nothing was started.
    /// </exception>
    /// <exception cref="NotSupportedException">The store does not implement <see cref="ISagaTransactions"/>.</exception>
    /// <exception cref="DbException">The transaction has failed, or the database did not answer. Roll the transaction back.</exception>
    /// <remarks>
    /// <para>
    /// The row of the saga and the wake-up of this process commit or roll back with the data of the caller. After the commit, a pass resumes the
    /// saga like one that was assigned to this process; it is counted as recovered. If this process ends first, its successor or the process that
    /// takes over its sagas resumes it.
    /// </para>
    /// <para>
    /// Two transactions that start a saga with the same id or key wait for each other. With the isolation level repeatable read or serializable,
    /// the second may then fail with SQLSTATE 40001. The role of the transaction needs the rights to insert into and read the tables of the sagas.
    /// </para>
    /// </remarks>
    /// <example>
    /// <code>
    /// await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
    /// await connection.ExecuteAsync("insert into orders (id, item) values (@Id, @Item)", order, transaction);
    /// SagaHandle handle = await client.StartAsync(saga, order, transaction, cancellationToken: cancellationToken);
    /// await transaction.CommitAsync(cancellationToken);
    /// return await client.WaitAsync(handle.SagaId, cancellationToken);
    /// </code>
    /// </example>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in a required parameter, the transaction.")]
    public abstract Task<SagaHandle> StartAsync<TParameters>(
        Saga<TParameters> saga,
        TParameters parameters,
        DbTransaction transaction,
        SagaStartOptions? options = null,
        CancellationToken cancellationToken = default);

    /// <summary>Requests the cancellation of a running saga, which any process may own.</summary>
    /// <param name="id">The id of the saga.</param>
    /// <param name="reason">The reason, for the result of the saga and for operators.</param>
    /// <param name="by">The author of the request: a person or a component. Null for <c>service</c>.</param>
    /// <param name="cancellationToken">Cancels the request, not the saga. The request may have been stored by then.</param>
    /// <returns>
    /// <see cref="OperatorActionResult.Done"/> once the request is stored: the saga unwinds and cannot succeed any more. Otherwise nothing was
    /// changed: the saga does not exist, has ended, is unwinding already, or its cancellation was requested before.
    /// </returns>
    /// <exception cref="ArgumentException"><paramref name="reason"/> is empty, or a text is longer than <see cref="OperatorNote.MaxLength"/>.</exception>
    /// <exception cref="NotSupportedException">The store does not implement <see cref="ISagaOperations"/>.</exception>
    /// <exception cref="IncompatibleStoreException">
    /// The store has contents of a version that this process cannot work with, such as tables of another version. Nothing was changed.
    /// </exception>
    /// <remarks>
    /// The owner starts no more steps. An action under way gets its token if its node has no undo, or one that runs after an uncertain failure
    /// (<see cref="NodePolicy.UndoAfterFailure"/>). Any other action ends first, with its retries, because only then is it known whether it
    /// has to be undone. The result of the saga is <see cref="SagaResult.Cancelled"/>.
    /// </remarks>
    public abstract Task<OperatorActionResult> CancelAsync(
        SagaId id, string reason, string? by = null, CancellationToken cancellationToken = default);

    /// <summary>Reads a saga that any process may run or have run.</summary>
    /// <param name="id">The id of the saga.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The saga with its state and, once it has ended, its result; null if no saga has this id.</returns>
    /// <exception cref="NotSupportedException">The store does not implement <see cref="ISagaReader"/>.</exception>
    /// <exception cref="IncompatibleStoreException">The store has contents of a version that this process cannot work with.</exception>
    /// <remarks>The definition of the saga need not be registered in this process.</remarks>
    public abstract Task<SagaInfo?> GetAsync(SagaId id, CancellationToken cancellationToken = default);

    /// <summary>Waits until a saga that any process may run has ended, and returns its result.</summary>
    /// <param name="id">The id of the saga.</param>
    /// <param name="cancellationToken">Cancels the wait, not the saga.</param>
    /// <returns>The result. Never <see cref="SagaResult.Interrupted"/>: the wait outlasts crashes and take-overs of the processes that run the saga.</returns>
    /// <exception cref="KeyNotFoundException">No saga has this id.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled, or this process shuts down.</exception>
    /// <exception cref="NotSupportedException">
    /// The saga does not run in this process, and the store does not implement <see cref="ISagaReader"/>.
    /// </exception>
    /// <exception cref="IncompatibleStoreException">The store has contents of a version that this process cannot work with.</exception>
    /// <remarks>
    /// <para>
    /// An end in this process is reported at once, an end in another one within <see cref="DurableExecutorOptions.ResultPollingInterval"/>. While
    /// the database does not answer, the wait continues.
    /// </para>
    /// <para>
    /// A step of a saga may wait for another saga. Meanwhile its own saga lends its slot
    /// (<see cref="DurableExecutorOptions.MaxRunningSagas"/>) to others. Pass the token of the step.
    /// </para>
    /// </remarks>
    public abstract Task<SagaResult> WaitAsync(SagaId id, CancellationToken cancellationToken = default);

    /// <summary>Returns the handle of a saga that runs in this process, whether it was started or resumed here.</summary>
    /// <param name="id">The id of the saga.</param>
    /// <returns>The handle; null if the saga does not run in this process.</returns>
    public abstract SagaHandle? Find(SagaId id);
}
