// SPDX-License-Identifier: Apache-2.0

//! Whether a command or container is described well.

use kaon_api::v1;

/// Checks a command: its environment alone can be wrong in ways that the master sees.
pub(crate) fn command(command: &v1::CommandInfo) -> Result<(), String> {
    command.environment.iter().flat_map(|environment| &environment.variables).try_for_each(variable)
}

fn variable(variable: &v1::environment::Variable) -> Result<(), String> {
    use v1::environment::variable::Type;
    let of = |rest: &str| Err(format!("Environment variable '{}' {rest}", variable.name));
    match variable.r#type.unwrap_or(Type::Value) {
        Type::Value if variable.value.is_none() => of("of type 'VALUE' must have a value set"),
        Type::Value if variable.secret.is_some() => of("of type 'VALUE' must not have a secret set"),
        Type::Value => Ok(()),
        Type::Secret => {
            let Some(held) = &variable.secret else { return of("of type 'SECRET' must have a secret set") };
            if variable.value.is_some() {
                return of("of type 'SECRET' must not have a value set");
            }
            if let Err(problem) = secret(held) {
                return of(&format!("specifies an invalid secret: {problem}"));
            }
            if held.value.as_ref().is_some_and(|value| value.data.contains(&0)) {
                return of(
                    "specifies a secret containing null bytes, which is not allowed in the environment",
                );
            }
            Ok(())
        }
        Type::Unknown => Err("Environment variable of type 'UNKNOWN' is not allowed".to_string()),
    }
}

fn secret(secret: &v1::Secret) -> Result<(), String> {
    use v1::secret::Type;
    match secret.r#type {
        Some(Type::Reference) => match (&secret.reference, &secret.value) {
            (None, _) => Err("Secret of type REFERENCE must have the 'reference' field set".to_string()),
            (Some(reference), Some(_)) => {
                let name = &reference.name;
                Err(format!("Secret '{name}' of type REFERENCE must not have the 'value' field set"))
            }
            _ => Ok(()),
        },
        Some(Type::Value) if secret.value.is_none() => {
            Err("Secret of type VALUE must have the 'value' field set".to_string())
        }
        Some(Type::Value) if secret.reference.is_some() => {
            Err("Secret of type VALUE must not have the 'reference' field set".to_string())
        }
        _ => Ok(()),
    }
}

/// Checks a container: its volumes, then what DOCKER needs.
pub(crate) fn container(container: &v1::ContainerInfo) -> Result<(), String> {
    for one in &container.volumes {
        volume(one).map_err(|problem| format!("Invalid volume: {problem}"))?;
    }
    if container.r#type == v1::container_info::Type::Docker {
        let Some(docker) = &container.docker else {
            return Err("DockerInfo 'docker' is not set for DOCKER typed ContainerInfo".to_string());
        };
        if docker.parameters.iter().any(|parameter| parameter.key == "name") {
            return Err("Parameter in DockerInfo must not be 'name'".to_string());
        }
    }
    Ok(())
}

fn volume(volume: &v1::Volume) -> Result<(), String> {
    use v1::volume::source::Type;
    let given = [volume.host_path.is_some(), volume.image.is_some(), volume.source.is_some()];
    if given.into_iter().filter(|given| *given).count() != 1 {
        return Err("Only one of them should be set: 'host_path', 'image' and 'source'".to_string());
    }
    let Some(source) = &volume.source else { return Ok(()) };
    let (there, text) = match source.r#type.unwrap_or_default() {
        Type::DockerVolume => {
            (source.docker_volume.is_some(), "'source.docker_volume' is not set for DOCKER_VOLUME volume")
        }
        Type::HostPath => (source.host_path.is_some(), "'source.host_path' is not set for HOST_PATH volume"),
        Type::SandboxPath => {
            (source.sandbox_path.is_some(), "'source.sandbox_path' is not set for SANDBOX_PATH volume")
        }
        Type::Secret => (source.secret.is_some(), "'source.secret' is not set for SECRET volume"),
        Type::CsiVolume => match &source.csi_volume {
            None => (false, "'source.csi_volume' is not set for CSI volume"),
            Some(csi) => (
                csi.static_provisioning.is_some(),
                "'source.csi_volume.static_provisioning' is not set for CSI volume",
            ),
        },
        Type::Unknown => (false, "'source.type' is unknown"),
    };
    if there { Ok(()) } else { Err(text.to_string()) }
}
