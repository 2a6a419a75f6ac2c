namespace Blast;

/// <summary>The file of names that the control plane has answered for; each is in it before the client goes on. Thread-safe.</summary>
internal sealed class AcknowledgedNames : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly StreamWriter? _file;

    private AcknowledgedNames(StreamWriter? file) => _file = file;

    public static AcknowledgedNames Open(FileInfo? file) => new(file is null ? null : new StreamWriter(file.FullName, append: true) { AutoFlush = true });

    public void Add(string name)
    {
        lock (_lock)
        {
            _file?.WriteLine(name);
        }
    }

    public ValueTask DisposeAsync() => _file?.DisposeAsync() ?? ValueTask.CompletedTask;
}
