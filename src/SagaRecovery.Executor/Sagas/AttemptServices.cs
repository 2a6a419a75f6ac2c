using Microsoft.Extensions.DependencyInjection;

namespace SagaRecovery;

/// <summary>The services of one attempt of a step: a scope that is created at the first access. Thread-safe.</summary>
internal sealed class AttemptServices(IServiceScopeFactory? scopes) : IAsyncDisposable
{
    private IServiceScope? _scope;

    /// <exception cref="InvalidOperationException">The saga does not run in a host.</exception>
    public IServiceProvider Provider
    {
        get
        {
            if (Volatile.Read(ref _scope) is { } scope)
            {
                return scope.ServiceProvider;
            }

            IServiceScope created = (scopes ?? throw new InvalidOperationException("The saga does not run in a host, so it has no services.")).CreateScope();
            if (Interlocked.CompareExchange(ref _scope, created, null) is { } first)
            {
                created.Dispose();
                return first.ServiceProvider;
            }

            return created.ServiceProvider;
        }
    }

    public ValueTask DisposeAsync() => _scope is null ? default : new AsyncServiceScope(_scope).DisposeAsync();
}
