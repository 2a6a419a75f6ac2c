using ControlPlane.Hosting;

return args is ["postgres", ..] ? await PostgresCommand.RunAsync(args) : await ControlPlaneHost.RunAsync(args);
