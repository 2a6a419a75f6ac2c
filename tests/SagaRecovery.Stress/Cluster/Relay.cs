using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace SagaRecovery.Stress.Cluster;

/// <summary>
/// Passes TCP connections on to one loopback port until it is cut: from then on nothing reaches either side, and new connections are
/// refused. <see cref="Cut"/> may be called at any time, and again.
/// </summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _cut = new();
    private readonly ConcurrentDictionary<Task, bool> _connections = new();
    private readonly int _target;
    private readonly Task _accepting;

    /// <param name="target">The port that connections are passed on to.</param>
    public Relay(int target)
    {
        _target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Breaks all connections, and drops what was under way in them.</summary>
    public void Cut()
    {
        _cut.Cancel();
        _listener.Stop();
    }

    public async ValueTask DisposeAsync()
    {
        Cut();
        await _accepting;
        await Task.WhenAll(_connections.Keys);
        _listener.Dispose();
        _cut.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Task connection = PassOnAsync(await _listener.AcceptSocketAsync(_cut.Token));
                _connections.TryAdd(connection, true);
            }
        }
        catch (Exception over) when (over is OperationCanceledException or SocketException or ObjectDisposedException && _cut.IsCancellationRequested)
        {
            // cut
        }
    }

    private async Task PassOnAsync(Socket caller)
    {
        using var target = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using (caller)
        {
            // the contents of the kernel's buffers are dropped with the connection
            caller.LingerState = target.LingerState = new LingerOption(enable: true, seconds: 0);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(_cut.Token);
            try
            {
                await target.ConnectAsync(new IPEndPoint(IPAddress.Loopback, _target), ended.Token);
                Task[] ways = [PumpAsync(caller, target, ended.Token), PumpAsync(target, caller, ended.Token)];
                await Task.WhenAny(ways);
                await ended.CancelAsync();
                await Task.WhenAll(ways);
            }
            catch (Exception broken) when (broken is OperationCanceledException or SocketException)
            {
                // cut, or one side has closed: the other learns it by the end of its own connection
            }
        }
    }

    private static async Task PumpAsync(Socket from, Socket to, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[64 * 1024];
        int count;
        while ((count = await from.ReceiveAsync(buffer, cancellationToken)) > 0)
        {
            for (int sent = 0; sent < count;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), cancellationToken);
            }
        }
    }
}
